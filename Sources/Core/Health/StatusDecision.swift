// Decides whether a service is healthy and, if not, why: a pure function of facts, so that `status`, /readyz,
// /api/status, the metrics and the page agree. Each reason has a stable code, one sentence for people, the time when it
// began, and advice. One cause gives one reason: a decision skips what a graver reason already explains.

import State
import Base

/// The health decision.
package enum StatusDecision {
    /// - Returns: the reasons why the service is not healthy, gravest first; none when it is healthy.
    package static func reasons(
        _ facts: StatusFacts, _ thresholds: StatusThresholds = StatusThresholds()
    ) -> [StatusReason] {
        if let why = facts.unreadable {
            return [
                StatusReason(
                    .state, "the state \(facts.path) cannot be read: \(why)",
                    advice:
                        "check --state and the file's permissions; a damaged file is replaced by `pageviews restore` "
                        + "or by a backup")
            ]
        }
        guard facts.exists else {
            return [
                StatusReason(
                    .noState, "there is no state at \(facts.path) yet; start `pageviews ingest`",
                    advice: "check --state, or start `pageviews ingest` with it")
            ]
        }
        var reasons = service(facts, thresholds)
        if facts.isRunning, let health = facts.health {
            reasons += kafka(health, facts, thresholds) + flush(health, facts, thresholds)
            reasons += partitions(health, facts, thresholds) + transactions(health, facts, thresholds)
            reasons += lag(health, thresholds)
        }
        reasons += futureEvents(facts, thresholds) + reader(facts, thresholds)
        reasons += export(facts, thresholds) + publishing(facts, thresholds) + rejected(facts, thresholds)
        return reasons + incidents(facts, reasons)
    }

    // MARK: The service

    private static func service(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard let health = facts.health else {
            return [
                notRunning("no service has written to this state's heartbeat; start `pageviews ingest`", since: nil)
            ]
        }
        let name = "the service (pid \(health.pid) on \(health.host))"
        let time = "\(UTCText.milliseconds(health.beatAt)), \(Quantity.duration(facts.now - health.beatAt)) ago"
        switch health.phase {
        case .finished: return []
        case .stopped: return [notRunning("\(name) was stopped at \(time)", since: health.beatAt)]
        case .failed: return [failed(health, "\(name) ended at \(time): \(health.failure ?? "it failed")")]
        case .starting, .running, .stopping: break
        }
        if facts.processExists == false {
            return [
                notRunning("\(name) exited without shutting down; it last reported at \(time)", since: health.beatAt)
            ]
        }
        if facts.now - health.beatAt > thresholds.silenceMilliseconds {
            return [notRunning("\(name) has not reported since \(time)", since: health.beatAt)]
        }
        let still = facts.now - health.loopAt
        guard still > thresholds.hangMilliseconds, health.phase == .running else { return [] }
        return [
            StatusReason(
                .hanging, "\(name) has not polled Kafka for \(Quantity.duration(still))",
                since: health.loopAt,
                advice: "check for a hung disk; systemd restarts the service; keep its log for a report")
        ]
    }

    private static func notRunning(_ text: String, since: Int64?) -> StatusReason {
        StatusReason(
            .notRunning, text, since: since,
            advice: "start `pageviews ingest` with this state: it resumes where it stopped; its log says why it ended")
    }

    private static func failed(_ health: ServiceHealth, _ text: String) -> StatusReason {
        guard health.failureCode == StatusReason.Code.topicChanged.rawValue else {
            return notRunning(text, since: health.beatAt)
        }
        return StatusReason(
            .topicChanged, text, since: health.beatAt,
            advice:
                "start a new --state for the present topic, or point the settings at the one that this state has read; "
                + "where the message offers it, --on-missing-offsets skip skips the offsets that were not read")
    }

    private static func flush(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        guard let since = health.unwrittenSince else { return [] }
        let limit = max(
            health.settings.flushIntervalMilliseconds * thresholds.flushIntervals, thresholds.shortestFlushMilliseconds)
        guard facts.now - since >= limit else { return [] }
        return [
            StatusReason(
                .flush,
                "nothing could be flushed to the state for \(Quantity.duration(facts.now - since)): \(health.unwrittenReason ?? "")",
                since: since,
                advice: "free disk space, or end the process that locks the state; counting waits and nothing is lost")
        ]
    }

    /// The reader that began first, when it has read for long and the log has become large.
    private static func reader(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard facts.isRunning, let health = facts.health, facts.walBytes > thresholds.walBytes,
            let first = health.readers.min(by: { ($0.since, $0.pid) < ($1.since, $1.pid) }),
            facts.now - first.since >= thresholds.readerMilliseconds
        else { return [] }
        let others = health.readers.count > 1 ? ", with \(health.readers.count - 1) more" : ""
        return [
            StatusReason(
                .reader,
                "process \(first.pid) has read the state without a pause since \(UTCText.milliseconds(first.since))\(others); "
                    + "its write-ahead log cannot be reset and has grown to \(Quantity.size(facts.walBytes))",
                since: first.since,
                advice:
                    "end that process (`ps \(first.pid)` shows it) or its open transaction; the log then shrinks")
        ]
    }

    // MARK: Consumed records

    private static func rejected(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard let rejected = facts.rejected, rejected.count >= thresholds.rejectedAtLeast else { return [] }
        var share = ""
        if let rates = facts.rates, rates.consumed > 0 {
            let part = rates.rejected / rates.consumed
            guard part >= thresholds.rejectedShare else { return [] }
            share = " (\(Int((part * 100).rounded())) % of all records)"
        }
        return [
            StatusReason(
                .rejected,
                "a burst of poison messages: \(rejected.count) rejected in the last "
                    + "\(thresholds.rejectedMilliseconds / 1000) s\(share), the latest: \(rejected.example)",
                advice:
                    "find their producer: pageviews query 'SELECT * FROM rejected_events ORDER BY received_at DESC LIMIT 10'"
            )
        ]
    }

    private static func incidents(_ facts: StatusFacts, _ reasons: [StatusReason]) -> [StatusReason] {
        let isExportSaid = reasons.contains { $0.code == .export || $0.code == .warehouse }
        return facts.incidents.filter { $0.kind != "export-failed" || !isExportSaid }.map {
            StatusReason(
                .incident, "\($0.kind) since \(UTCText.milliseconds($0.at)): \($0.detail)", since: $0.at,
                advice:
                    "see `\($0.kind)` in the operations guide; if the incident does not close itself, stop the service "
                    + "and run `pageviews resolve \($0.kind)`")
        }
    }
}
