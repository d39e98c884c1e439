// The part of the health decision about publishing late events and rejected messages.

import State
import Base

extension StatusDecision {
    /// Publishers that fail or have stopped.
    package static func publishing(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        // While Kafka is unreachable, nothing is published; another reason says so.
        guard facts.isRunning, let health = facts.health, health.kafka.failingSince == nil else { return [] }
        return OutboxName.allCases.compactMap { name in
            guard let contact = health.publishing?[name.rawValue] else { return nil }
            return reason(name, contact, health, facts, thresholds)
        }
    }

    private static func reason(
        _ name: OutboxName, _ contact: ServiceHealth.Contact, _ health: ServiceHealth, _ facts: StatusFacts,
        _ thresholds: StatusThresholds
    ) -> StatusReason? {
        let (code, what): (StatusReason.Code, String) =
            switch name {
            case .late: (.lateTopic, "late events")
            case .rejected: (.rejectedTopic, "rejected messages")
            }
        let waiting = name == .late ? facts.unpublishedLate : facts.unpublishedRejected
        if let since = contact.failingSince, facts.now - since >= thresholds.contactMilliseconds {
            return StatusReason(
                code,
                "\(what) have not been published since \(UTCText.milliseconds(since)): "
                    + "\(contact.reason ?? "the topic rejects them"); \(waiting) wait", since: since,
                advice:
                    "check that the topic exists, that the user may DESCRIBE, READ and WRITE it and use the "
                    + "transactional id, and that its max.message.bytes is not below the source topic's; the rows wait "
                    + "in the state, and the service retries")
        }
        // The publisher has neither published nor failed, so it hangs.
        let last = contact.answeredAt ?? health.startedAt
        guard waiting > 0, facts.now - last >= thresholds.publishMilliseconds else { return nil }
        return StatusReason(
            code, "\(waiting) \(what) wait and none has been published since \(UTCText.milliseconds(last))",
            since: last,
            advice: "check the service's log; a restart is harmless")
    }
}
