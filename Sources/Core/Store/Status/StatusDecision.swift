// Whether a service is healthy, and if not, why: a pure function of facts, so that `status`, /readyz, /api/status, the
// metrics and the page can never disagree. Each reason has a code that does not change and one sentence for people.

/// Why something is not healthy.
public struct StatusReason: Equatable, Sendable {
    /// What kind of reason it is. The codes are a fixed set: they are the values of a metric's label.
    public enum Code: String, CaseIterable, Sendable {
        /// There is no state at the path.
        case noState = "no-state"
        /// The state cannot be read.
        case state
        /// No service is at work.
        case notRunning = "not-running"
        /// The counting loop stands still.
        case hanging
        /// Kafka does not answer, or the topic is not there.
        case kafka
        /// The warehouse or the catalog does not answer.
        case warehouse
        /// Nothing was flushed though there was something to flush.
        case flush
        /// Nothing was exported for too long, or exporting fails.
        case export
        /// Too much waits for export.
        case backlog
        /// A partition does not move.
        case partition
        /// More and more records wait in Kafka.
        case lag
        /// Many messages are rejected.
        case rejected
        /// An incident is not over.
        case incident
    }

    /// What kind of reason it is.
    public let code: Code
    /// One sentence: what, since when, and what is known of the cause.
    public let text: String

    /// A reason.
    public init(_ code: Code, _ text: String) { (self.code, self.text) = (code, text) }
}

/// From when on something is a reason. Times in milliseconds.
public struct StatusThresholds: Equatable, Sendable {
    /// No heartbeat for longer than this: nobody is there.
    public var silenceMilliseconds: Int64 = 10_000
    /// The loop did not turn for this long, though the process lives.
    public var hangMilliseconds: Int64 = 20_000
    /// Kafka, or the warehouse, did not answer for this long.
    public var contactMilliseconds: Int64 = 3000
    /// A partition could not be read for this long. A change of leader is shorter.
    public var partitionMilliseconds: Int64 = 4000
    /// So many flush intervals without a flush while there is something to write, but not less than the next.
    public var flushIntervals: Int64 = 3
    /// The shortest time without a flush that counts.
    public var shortestFlushMilliseconds: Int64 = 3000
    /// So many export intervals without an export while there is something to export.
    public var exportIntervals: Int64 = 3
    /// The shortest time without an export that counts.
    public var shortestExportMilliseconds: Int64 = 10_000
    /// The share of the budget above which the backlog is too large.
    public var backlogShare = 0.5
    /// A partition with records that do not come for this long is stuck.
    public var stuckMilliseconds: Int64 = 6000
    /// The lag grew for this long, minute by minute.
    public var lagGrowthMinutes = 5
    /// Rejected messages are counted over this time.
    public var rejectedMilliseconds: Int64 = 60_000
    /// Fewer than this are no burst.
    public var rejectedAtLeast: Int64 = 20
    /// The share of what was consumed from which on rejected messages are a burst.
    public var rejectedShare = 0.05

    /// The thresholds that the guide names.
    public init() {}
}

/// Judges facts.
public enum StatusDecision {
    /// - Returns: the reasons for which it is not healthy, gravest first; none when it is.
    public static func reasons(
        _ facts: StatusFacts, _ thresholds: StatusThresholds = StatusThresholds()
    ) -> [StatusReason] {
        if let why = facts.unreadable {
            return [StatusReason(.state, "the state \(facts.path) cannot be read: \(why)")]
        }
        guard facts.exists else {
            return [StatusReason(.noState, "there is no state at \(facts.path) yet; start `pageviews ingest`")]
        }
        var reasons = service(facts, thresholds)
        if facts.isRunning, let health = facts.health {
            reasons += kafka(health, facts, thresholds) + flush(health, facts, thresholds)
            reasons += partitions(health, facts, thresholds) + lag(health, thresholds)
        }
        reasons += export(facts, thresholds) + rejected(facts, thresholds)
        return reasons + incidents(facts, reasons)
    }

    // MARK: The service

    private static func service(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard let health = facts.health else {
            return [
                StatusReason(.notRunning, "no service has written to this state's heartbeat; start `pageviews ingest`")
            ]
        }
        let name = "the service (pid \(health.pid) on \(health.host))"
        let time = "\(isoText(milliseconds: health.beatAt)), \(span(facts.now - health.beatAt)) ago"
        switch health.phase {
        case .finished: return []
        case .stopped: return [StatusReason(.notRunning, "\(name) was stopped at \(time)")]
        case .failed:
            return [StatusReason(.notRunning, "\(name) ended at \(time): \(health.failure ?? "it failed")")]
        case .starting, .running, .stopping: break
        }
        if facts.processExists == false {
            return [StatusReason(.notRunning, "\(name) is gone without a farewell; its last sign was at \(time)")]
        }
        if facts.now - health.beatAt > thresholds.silenceMilliseconds {
            return [StatusReason(.notRunning, "\(name) gives no sign of life since \(time)")]
        }
        let still = facts.now - health.loopAt
        guard still > thresholds.hangMilliseconds, health.phase == .running else { return [] }
        return [StatusReason(.hanging, "\(name) has not consumed, nor looked whether it could, for \(span(still))")]
    }

    private static func kafka(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        guard let since = health.kafka.failingSince, facts.now - since >= thresholds.contactMilliseconds else {
            return []
        }
        return [
            StatusReason(
                .kafka,
                "Kafka at \(health.brokers) does not serve topic \(health.topic) since \(isoText(milliseconds: since)): "
                    + (health.kafka.reason ?? "no broker answered"))
        ]
    }

    private static func flush(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        guard let since = health.unwrittenSince else { return [] }
        let patience = max(
            health.settings.flushIntervalMilliseconds * thresholds.flushIntervals, thresholds.shortestFlushMilliseconds)
        guard facts.now - since >= patience else { return [] }
        return [
            StatusReason(
                .flush,
                "nothing could be flushed to the state for \(span(facts.now - since)): \(health.unwrittenReason ?? "")")
        ]
    }

    // MARK: Kafka's partitions

    private static func partitions(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        // Without Kafka none of them moves, and that is said already.
        guard health.kafka.failingSince == nil, !health.isPaused, health.unwrittenSince == nil else { return [] }
        return health.partitions.compactMap { partition in
            if let since = partition.failingSince, facts.now - since >= thresholds.partitionMilliseconds {
                return StatusReason(
                    .partition,
                    "partition \(partition.partition) cannot be read at offset \(partition.nextOffset) since "
                        + "\(isoText(milliseconds: since)): \(partition.reason ?? "")")
            }
            guard let since = partition.stuckSince, facts.now - since >= thresholds.stuckMilliseconds else {
                return nil
            }
            return StatusReason(
                .partition,
                "partition \(partition.partition) is stuck at offset \(partition.nextOffset) since "
                    + "\(isoText(milliseconds: since)), with "
                    + "\(max(0, (partition.highWatermarkOffset ?? 0) - partition.nextOffset)) records behind it")
        }
    }

    /// The smallest lag of each of the last minutes is above that of the minute before.
    private static func lag(_ health: ServiceHealth, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard let last = health.samples.last, last.lag > 0 else { return [] }
        var smallest = [Int64?](repeating: nil, count: thresholds.lagGrowthMinutes + 1)
        for sample in health.samples {
            let minute = Int((last.at - sample.at) / 60_000)
            guard minute >= 0, minute < smallest.count else { continue }
            smallest[minute] = min(smallest[minute] ?? sample.lag, sample.lag)
        }
        let minutes = smallest.compactMap { $0 }
        guard minutes.count == smallest.count, let first = minutes.last else { return [] }
        guard zip(minutes, minutes.dropFirst()).allSatisfy({ $0 > $1 }) else { return [] }
        return [
            StatusReason(
                .lag,
                "the lag has grown for \(thresholds.lagGrowthMinutes) minutes, from \(first) to \(last.lag) records: "
                    + "more comes in than is consumed")
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
                    + "\(thresholds.rejectedMilliseconds / 1000) s\(share), the latest: \(rejected.example)")
        ]
    }

    private static func incidents(_ facts: StatusFacts, _ reasons: [StatusReason]) -> [StatusReason] {
        let isExportSaid = reasons.contains { $0.code == .export || $0.code == .warehouse }
        return facts.incidents.filter { $0.kind != "export-failed" || !isExportSaid }.map {
            StatusReason(.incident, "\($0.kind) since \(isoText(milliseconds: $0.at)): \($0.detail)")
        }
    }
}
