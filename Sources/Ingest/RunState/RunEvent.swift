// The input of the ingest half's state machine: events about batches, answers and files, never about single records.

import Base
import Kafka
import State

/// The time of an event, and whether a stop was requested by then.
struct Moment: Equatable {
    /// Milliseconds since the Unix epoch.
    var wall: Int64
    /// Milliseconds on the monotonic clock.
    var monotonic: Int64
    /// A stop was requested.
    var isStopRequested = false
}

/// An event of a run.
enum RunEvent {
    case turn(TurnEvent)
    case topic(TopicEvent)
    case writing(WritingEvent)
    case segment(SegmentEvent)
    case ending(EndingEvent)
}

/// The steps of one turn of the loop, in this order.
enum TurnEvent {
    /// - hasNews: something waits for a flush.
    case began(hasNews: Bool)
    /// The accumulator took a batch with records.
    case recordsArrived
    /// librdkafka reported an error, or a partition's end.
    case notice(Notice)
    /// The batch and its notices were processed.
    case batchTaken
    /// None of the topic's first events names a user.
    case usersMissing
    /// Everything that may change the assignment was processed.
    case assignmentCheck
    /// The counts and the raw events have reached every partition's end.
    case endsReached
    /// The answer about the topic, if there was one, was processed.
    case ended
}

/// Events of the topic.
enum TopicEvent {
    /// The cluster answered.
    /// - next: the next offsets of the partitions that are read already.
    case found(TopicWatch.Findings, next: [PartitionID: NextOffsets])
    /// The question failed.
    case failed(KafkaError)
    /// The question failed, and the client's errors so far were reported.
    case failureExplained(KafkaError)
    /// The log has another record at the offset of the last consumed one.
    case otherRecord(partition: PartitionID, offset: KafkaOffset)
}

/// The next offsets of one partition.
struct NextOffsets: Equatable {
    /// The next offset of the counts.
    var counted: KafkaOffset
    /// The next offset to read: the lower one of the counts and the raw events.
    var wanted: KafkaOffset
}

/// Steps of writing a flush and of committing the group's offsets.
enum WritingEvent {
    /// A flush may be due.
    /// - hasNews: something waits for a flush.
    /// - isFull: the accumulator is full, so the flush does not wait for its interval.
    case check(hasNews: Bool, isFull: Bool)
    /// The flush is in the state.
    case flushed
    /// The state could not be written.
    case failed(reason: String)
    /// The outcome of the commit under way; nil while there is no answer.
    case commitChecked(CommitOutcome?)
    /// A commit is under way.
    case commitSent
}

/// Steps of writing raw events to segments.
enum SegmentEvent {
    /// A check for lost segments may be due.
    case lossCheck
    /// The pause after a lost segment may be over.
    case retryCheck
    /// The bytes of closed segments, and whether they have reached the budget.
    case spoolMeasured(bytes: Int64, isFull: Bool)
    /// The open segment is complete, or there was none.
    case closed
    /// The open segment is lost.
    case failed(reason: String)
    /// The oldest segment with missing files; nil when no file is missing.
    /// - starts: the offsets from which it and the segments after it must be re-read.
    case lossFound(name: String?, starts: [PartitionID: KafkaOffset])
    /// The same offsets after a flush, with the partitions' offsets in Kafka.
    case rereadMeasured(starts: [PartitionID: KafkaOffset], ranges: [PartitionID: OffsetRange])
    /// Lost segments were removed from the state.
    case dropped(files: [String], starts: [PartitionID: KafkaOffset])
    /// Counted events that can no longer be re-read: the log has other records at their offsets.
    case lostForGood([LostOffsets])
    /// Lost segments must stay: they are in a prepared commit.
    case kept
}

/// Steps of the end of a run, in this order.
enum EndingEvent {
    /// The last turn is over.
    case began([PartitionEnd])
    /// Everything is in the state.
    case written
    /// The time limit of the last commit may be over.
    case commitCheck
    /// The outcome of the last commit; nil when no answer came in time.
    case commitAwaited(CommitOutcome?, isUnderWay: Bool)
    /// The state's file was checkpointed.
    case checkpointed
}

/// A partition at the end of a run.
struct PartitionEnd: Equatable {
    var partition: PartitionID
    /// The next offset of the counts.
    var next: KafkaOffset
    /// The end (exclusive) that the broker reported last.
    var end: KafkaOffset
}
