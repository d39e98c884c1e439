// The source's cluster as the ingest half uses it. librdkafka implements it; the simulation (Tests/Simulation) does too.

package import Base
package import Kafka
import Log

/// Reads assigned partitions in batches, as `Kafka.Consumer` does. Used by one thread.
package protocol RecordReader: AnyObject {
    /// Reads these partitions from these offsets, and no others.
    func assign(topic: String, _ positions: [Position]) throws

    /// Stops, or continues, fetching the assigned partitions without losing the position.
    func setPaused(_ paused: Bool, topic: String, _ positions: [Position])

    /// Waits for records and passes them on with the notices that came. The records are valid during the call only.
    func poll<Result>(
        timeoutMilliseconds: Int32, _ body: (UnsafeBufferPointer<Record>, [Notice]) throws -> Result
    ) rethrows -> Result

    /// The cluster's id; nil when no broker answered in time.
    func clusterID(timeoutMilliseconds: Int32) -> String?

    /// The end of a partition as the last fetch response gave it; nil before the first one.
    func cachedHighWatermark(of topic: String, partition: PartitionID) -> KafkaOffset?
}

/// Asks about the topic without blocking the thread that counts, as `TopicWatch` does.
package protocol TopicQuestions: AnyObject {
    /// Asks, unless a question is open or its answer was not taken.
    func ask(_ question: TopicWatch.Question)

    /// The answer, once it is there; waits at most for the given time.
    func take(waitMilliseconds: Int) -> Result<TopicWatch.Findings, any Error>?
}

/// Commits the group's offsets without blocking, as `Kafka.GroupCommits` does.
package protocol OffsetCommits: AnyObject {
    /// A commit was sent and is not answered.
    var isUnderWay: Bool { get }

    /// Sends the offsets.
    func begin(topic: String, _ positions: [Position])

    /// The outcome of the commit under way; nil while there is none. Waits at most for the given time.
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

    /// The connections of a librdkafka consumer.
    init(_ consumer: Consumer, topic: String) {
        self.init(
            reader: consumer, questions: TopicWatch(topic: topic, inquiry: consumer.inquiry),
            commits: consumer.groupCommits())
    }
}
