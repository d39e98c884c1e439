// The source cluster as the ingest half uses it. librdkafka implements it, and so does the simulation
// (Tests/Simulation).

package import Base
package import Kafka
import Log

/// Reads assigned partitions in batches, as `Kafka.Consumer` does. Used by one thread.
package protocol RecordReader: AnyObject {
    /// Reads these partitions from these offsets, and no others.
    func assign(topic: String, _ positions: [Position]) throws

    /// Pauses or resumes fetching of the assigned partitions. Their positions stay.
    func setPaused(_ paused: Bool, topic: String, _ positions: [Position])

    /// Waits for records and passes them to `body` with the notices received. The records are valid only within `body`.
    func poll<Result>(
        timeoutMilliseconds: Int32, _ body: (UnsafeBufferPointer<Record>, [Notice]) throws -> Result
    ) rethrows -> Result

    /// The cluster's id; nil when no broker answered within the timeout.
    func clusterID(timeoutMilliseconds: Int32) -> String?

    /// The end (exclusive) of a partition in the last fetch response; nil before the first one.
    func cachedHighWatermark(of topic: String, partition: PartitionID) -> KafkaOffset?
}

/// Asks about the topic without blocking the counting thread, as `TopicWatch` does.
package protocol TopicQuestions: AnyObject {
    /// Asks a question. Ignored while a question is open or its answer was not taken.
    func ask(_ question: TopicWatch.Question)

    /// Takes the answer, waiting for it up to the given time; nil when there is none.
    func take(waitMilliseconds: Int) -> Result<TopicWatch.Findings, any Error>?
}

/// Commits the group's offsets without blocking, as `Kafka.GroupCommits` does.
package protocol OffsetCommits: AnyObject {
    /// A commit was sent and not answered yet.
    var isUnderWay: Bool { get }

    /// Sends the offsets.
    func begin(topic: String, _ positions: [Position])

    /// Takes the outcome of the commit under way, waiting for it up to the given time; nil when there is none.
    func outcome(timeoutMilliseconds: Int32) -> CommitOutcome?
}

extension Consumer: RecordReader {}
extension GroupCommits: OffsetCommits {}

/// The connections of one run to the source's cluster.
package struct EventSource {
    let reader: any RecordReader
    let questions: any TopicQuestions
    let commits: any OffsetCommits

    /// A source from its parts.
    package init(reader: any RecordReader, questions: any TopicQuestions, commits: any OffsetCommits) {
        (self.reader, self.questions, self.commits) = (reader, questions, commits)
    }

    /// A source over the connections of a librdkafka consumer.
    init(_ consumer: Consumer, topic: String) {
        self.init(
            reader: consumer, questions: TopicWatch(topic: topic, inquiry: consumer.inquiry),
            commits: consumer.groupCommits())
    }
}
