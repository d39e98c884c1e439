// The reasons why a service is not healthy, and the thresholds from which each applies.

/// One reason why a service is not healthy.
package struct StatusReason: Equatable, Sendable {
    /// The kinds of reasons. The codes are a fixed set, because they are the values of a metric's label.
    package enum Code: String, CaseIterable, Sendable {
        /// There is no state at the path.
        case noState = "no-state"
        /// The state cannot be read.
        case state
        /// No service is running.
        case notRunning = "not-running"
        /// The topic or the cluster is not the one that the state was made from.
        case topicChanged = "topic-changed"
        /// The counting loop hangs.
        case hanging
        /// Kafka or a broker does not answer, or the topic does not exist.
        case kafka
        /// Fetches from a partition fail.
        case partition
        /// Records of a partition wait but do not arrive.
        case stuck
        /// A transaction that stays open hides the records after it.
        case transaction
        /// The number of records that wait in Kafka grows.
        case lag
        /// Events are too far ahead of the clock to advance the watermark.
        case futureEvents = "future-events"
        /// Flushes fail.
        case flush
        /// A process keeps the write-ahead log from being reset.
        case reader
        /// The warehouse or the catalog does not answer.
        case warehouse
        /// Exports fail, or nothing was exported for too long.
        case export
        /// Too much waits for export.
        case backlog
        /// Late events cannot be published.
        case lateTopic = "late-topic"
        /// Rejected messages cannot be published.
        case rejectedTopic = "rejected-topic"
        /// Many messages are rejected.
        case rejected
        /// An incident is open.
        case incident
    }

    /// The kind of reason.
    package let code: Code
    /// One sentence: what is wrong, since when, and the cause where it is known.
    package let text: String
    /// When it began, in milliseconds since the Unix epoch; nil when that is not known.
    package let since: Int64?
    /// What to do about it, in one sentence.
    package let advice: String

    /// A reason from its parts.
    package init(_ code: Code, _ text: String, since: Int64? = nil, advice: String) {
        (self.code, self.text, self.since, self.advice) = (code, text, since, advice)
    }
}

/// The limits from which something is a reason.
package struct StatusThresholds: Equatable, Sendable {
    /// The age of a heartbeat above which the service counts as not running.
    var silenceMilliseconds: Int64 = 10_000
    /// The time without an iteration of the counting loop above which the loop hangs.
    package var hangMilliseconds: Int64 = 20_000
    /// The time without an answer from Kafka, the warehouse or a publisher's topic.
    var contactMilliseconds: Int64 = 3000
    /// The time for which fetches from a partition fail. A change of leader is shorter.
    var partitionMilliseconds: Int64 = 5000
    /// The number of flush intervals for which flushes fail, if that is longer than `shortestFlushMilliseconds`.
    var flushIntervals: Int64 = 3
    /// The shortest time for which flushes fail that is a reason.
    var shortestFlushMilliseconds: Int64 = 3000
    /// The number of export intervals without an export while something waits, if that is longer than
    /// `shortestExportMilliseconds`.
    var exportIntervals: Int64 = 3
    /// The shortest time without an export that is a reason.
    var shortestExportMilliseconds: Int64 = 10_000
    /// The share of the spool's budget above which the backlog is too large, from 0 to 1.
    var backlogShare = 0.5
    /// The time for which records of a partition wait without arriving.
    var stuckMilliseconds: Int64 = 6000
    /// The time without an answer from a broker that leads a partition. A change of leader is usually shorter.
    var leaderMilliseconds: Int64 = 5000
    /// The age (inclusive) up to which an answer about a partition's end is valid.
    var endMilliseconds: Int64 = 10_000
    /// The time for which a transaction is open: the default of a producer's `transaction.timeout.ms`.
    var transactionMilliseconds: Int64 = 60_000
    /// The time for which events wait while a publisher neither publishes nor fails.
    var publishMilliseconds: Int64 = 60_000
    /// The time for which an event too far ahead of the clock is a reason, after it was consumed.
    var futureMilliseconds: Int64 = 300_000
    /// The size above which a write-ahead log is large: the size to which SQLite truncates it after a reset.
    package var walBytes: Int64 = 64 << 20
    /// The time for which a process reads the state without a pause.
    var readerMilliseconds: Int64 = 10_000
    /// The number of minutes for which the lag grows from each to the next.
    var lagGrowthMinutes = 5
    /// The time over which rejected messages are counted.
    var rejectedMilliseconds: Int64 = 60_000
    /// The smallest number of rejected messages that is a burst.
    var rejectedAtLeast: Int64 = 20
    /// The smallest share of consumed records that is a burst, from 0 to 1.
    var rejectedShare = 0.05

    /// The thresholds in the operations guide.
    package init() {}
}
