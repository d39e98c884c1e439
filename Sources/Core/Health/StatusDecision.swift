// Whether a service is healthy, and if not, why: a pure function of facts, so that `status`, /readyz, /api/status, the
// metrics and the page can never disagree. Each reason has a code that does not change, one sentence for people, the time
// since when, and what to do. Invariant: one cause, one reason.

import State
import Base

/// Judges facts.
package enum StatusDecision {
    /// - Returns: the reasons for which it is not healthy, gravest first; none when it is.
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
                .hanging, "\(name) has not consumed, nor looked whether it could, for \(Quantity.duration(still))",
                since: health.loopAt,
                advice: "look for a disk that does not answer; systemd restarts the service; keep the log for a report")
        ]
    }

    private static func notRunning(_ text: String, since: Int64?) -> StatusReason {
        StatusReason(
            .notRunning, text, since: since,
            advice: "start `pageviews ingest` with this state: it goes on where it was; its log says why it ended")
    }

    private static func failed(_ health: ServiceHealth, _ text: String) -> StatusReason {
        guard health.failureCode == StatusReason.Code.topicChanged.rawValue else {
            return notRunning(text, since: health.beatAt)
        }
        return StatusReason(
            .topicChanged, text, since: health.beatAt,
            advice:
                "start a new --state for the topic as it is now, or point the settings at the one that was read; where "
                + "the message offers it, --on-missing-offsets skip passes over what was not read")
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
                advice: "free disk space, or end what holds a lock on the state; counting waits and nothing is lost")
        ]
    }

    /// A reader that has gone on for long while the log has become large; the one that began first.
    private static func reader(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard facts.isRunning, let health = facts.health, facts.walBytes > thresholds.walBytes,
            let first = health.readers.min(by: { ($0.since, $0.pid) < ($1.since, $1.pid) }),
            facts.now - first.since >= thresholds.readerMilliseconds
        else { return [] }
        let others = health.readers.count > 1 ? ", with \(health.readers.count - 1) more" : ""
        return [
            StatusReason(
                .reader,
                "process \(first.pid) reads the state without a pause since \(UTCText.milliseconds(first.since))\(others); "
                    + "its write-ahead log cannot start again and has \(Quantity.size(facts.walBytes))",
                since: first.since,
                advice:
                    "end that process, or the transaction that it left open (`ps \(first.pid)` names it); the log then "
                    + "shrinks")
        ]
    }

    // MARK: What was consumed

    private static func rejected(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard let rejected = facts.rejected, rejected.count >= thresholds.rejectedAtLeast else { return [] }
        var share = ""
        if let rates = facts.rates, rates.consumed > 0 {
            let part = rates.rejected / rates.consumed
            guard part >= thresholds.rejectedShare else { return [] }
            share = " (\(Int((part * 100).rounded())) % of all)"
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
                    "the operations guide says what to do for `\($0.kind)`; what does not close itself is closed with "
                    + "`pageviews resolve \($0.kind)` while the service is stopped")
        }
    }
}
