// Why something is not healthy, and from when on it is.

/// Why something is not healthy.
package struct StatusReason: Equatable, Sendable {
    /// What kind of reason it is. The codes are a fixed set: they are the values of a metric's label.
    package enum Code: String, CaseIterable, Sendable {
        /// There is no state at the path.
        case noState = "no-state"
        /// The state cannot be read.
        case state
        /// No service is at work.
        case notRunning = "not-running"
        /// The topic or the cluster is not the one that the state has read.
        case topicChanged = "topic-changed"
        /// The counting loop stands still.
        case hanging
        /// Kafka, or one of its brokers, does not answer, or the topic is not there.
        case kafka
        /// A partition cannot be fetched from.
        case partition
        /// Records of a partition wait and do not come.
        case stuck
        /// A transaction that stays open hides the records behind it.
        case transaction
        /// More and more records wait in Kafka.
        case lag
        /// Events are too far ahead of the clock to move the watermark.
        case futureEvents = "future-events"
        /// Nothing was flushed though there was something to flush.
        case flush
        /// A process keeps the write-ahead log from starting again.
        case reader
        /// The warehouse or the catalog does not answer.
        case warehouse
        /// Nothing was exported for too long, or exporting fails.
        case export
        /// Too much waits for export.
        case backlog
        /// Late events cannot be published.
        case lateTopic = "late-topic"
        /// Rejected messages cannot be published.
        case rejectedTopic = "rejected-topic"
        /// Many messages are rejected.
        case rejected
        /// An incident is not over.
        case incident
    }

    /// What kind of reason it is.
    package let code: Code
    /// One sentence: what, since when, and what is known of the cause.
    package let text: String
    /// Since when, milliseconds since the Unix epoch; nil when that is not known.
    package let since: Int64?
    /// What to do about it, in one sentence.
    package let advice: String

    /// A reason.
    package init(_ code: Code, _ text: String, since: Int64? = nil, advice: String) {
        (self.code, self.text, self.since, self.advice) = (code, text, since, advice)
    }
}

/// From when on something is a reason. Times in milliseconds.
package struct StatusThresholds: Equatable, Sendable {
    /// No heartbeat for longer than this: nobody is there.
    var silenceMilliseconds: Int64 = 10_000
    /// The loop did not turn for this long, though the process lives.
    package var hangMilliseconds: Int64 = 20_000
    /// Kafka, or the warehouse, did not answer for this long.
    var contactMilliseconds: Int64 = 3000
    /// A partition could not be read for this long. A change of leader is shorter.
    var partitionMilliseconds: Int64 = 5000
    /// Number of flush intervals that may pass without a flush while there is something to write; never less time than
    /// the next value.
    var flushIntervals: Int64 = 3
    /// The shortest time without a flush that counts.
    var shortestFlushMilliseconds: Int64 = 3000
    /// Number of export intervals that may pass without an export while there is something to export.
    var exportIntervals: Int64 = 3
    /// The shortest time without an export that counts.
    var shortestExportMilliseconds: Int64 = 10_000
    /// The share of the budget above which the backlog is too large.
    var backlogShare = 0.5
    /// A partition with records that do not come for this long is stuck.
    var stuckMilliseconds: Int64 = 6000
    /// A broker that leads a partition did not answer for this long. A change of leader is mostly shorter.
    var leaderMilliseconds: Int64 = 5000
    /// An answer about a partition's end is good for this long.
    var endMilliseconds: Int64 = 10_000
    /// A transaction that is open for longer hangs. It is the longest that a producer's may be by default.
    var transactionMilliseconds: Int64 = 60_000
    /// A publisher did not publish, nor find that there was nothing to publish, for this long.
    var publishMilliseconds: Int64 = 60_000
    /// An event ahead of the clock is a reason for this long after it came.
    var futureMilliseconds: Int64 = 300_000
    /// A write-ahead log above this is large. It is the size that SQLite cuts it to when it can start again.
    package var walBytes: Int64 = 64 << 20
    /// A process reads for this long without a pause.
    var readerMilliseconds: Int64 = 10_000
    /// The lag grew for this long, minute by minute.
    var lagGrowthMinutes = 5
    /// Rejected messages are counted over this time.
    var rejectedMilliseconds: Int64 = 60_000
    /// Fewer than this are no burst.
    var rejectedAtLeast: Int64 = 20
    /// The share of what was consumed from which on rejected messages are a burst.
    var rejectedShare = 0.05

    /// The thresholds that the guide names.
    package init() {}
}
