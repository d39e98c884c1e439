// What a run of the ingest half meets: the input of its state machine.
//
// Events are about batches, answers and files, never about single records.

import Base
import Kafka

/// When an event happened, and whether the service had been told to stop by then.
struct Moment: Equatable {
    /// Milliseconds since the Unix epoch.
    var wall: Int64
    /// Milliseconds since any fixed moment, never going back.
    var monotonic: Int64
    /// The service was told to stop.
    var isStopRequested = false
}

/// Something that happened to a run.
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
    /// A batch with records was taken in.
    case recordsArrived
    /// librdkafka reported an error, or a partition's end.
    case notice(Notice)
    /// The batch and its notices were taken in.
    case batchTaken
    /// None of the topic's first events names a user.
    case usersMissing
    /// Everything that may change the assignment was looked at.
    case assignmentCheck
    /// The counts and the raw events have reached every partition's end.
    case endsReached
    /// The answer about the topic, if there was one, was taken in.
    case ended
}

/// News of the topic.
enum TopicEvent {
    /// The cluster answered.
    /// - next: of the partitions that are read already.
    case found(TopicWatch.Findings, next: [PartitionID: NextOffsets])
    /// The question failed.
    case failed(KafkaError)
    /// The question failed, and everything that the client met meanwhile was reported.
    case failureExplained(KafkaError)
    /// Another record stands where the last one was read.
    case otherRecord(partition: PartitionID, offset: KafkaOffset)
}

/// The next offsets of one partition.
struct NextOffsets: Equatable {
    /// The offset that is counted next.
    var counted: KafkaOffset
    /// The offset to read next: the lower one of the counts and the raw events.
    var wanted: KafkaOffset
}

/// Steps of writing what was accumulated, and of committing the group's offsets.
enum WritingEvent {
    /// A flush may be due.
    /// - hasNews: something waits for it.
    /// - isFull: so much waits that the flush interval does not matter.
    case check(hasNews: Bool, isFull: Bool)
    /// The flush is in the state.
    case flushed
    /// The state could not be written.
    case failed(reason: String)
    /// What became of the commit under way; nil while there is no answer.
    case commitChecked(CommitOutcome?)
    /// A commit is under way.
    case commitSent
}

/// Steps of keeping raw events in segments.
enum SegmentEvent {
    /// Lost segments may be looked for.
    case lossCheck
    /// The pause after a lost segment may be over.
    case retryCheck
    /// The bytes of closed segments, and whether they exceed the budget.
    case spoolMeasured(bytes: Int64, isFull: Bool)
    /// The open segment is complete, or there was none.
    case closed
    /// The open segment is lost.
    case failed(reason: String)
    /// The oldest segment whose files are gone; nil when all are there.
    /// - starts: from where it and those after it have to be read again.
    case lossFound(name: String?, starts: [PartitionID: KafkaOffset])
    /// The same offsets after a flush, with what the cluster said of the partitions.
    case rereadMeasured(starts: [PartitionID: KafkaOffset], ranges: [PartitionID: OffsetRange])
    /// Lost segments were removed from the state.
    case dropped(files: [String], starts: [PartitionID: KafkaOffset])
    /// Lost segments have to stay: a commit that was prepared brings them.
    case kept
}

/// Steps of the end of a run, in this order.
enum EndingEvent {
    /// The last turn is over.
    case began([PartitionEnd])
    /// Everything is in the state.
    case written
    /// The last commit may be sent, or given up.
    case commitCheck
    /// What became of the last commit; nil when no answer came in time.
    case commitAwaited(CommitOutcome?, isUnderWay: Bool)
    /// The state's file is tidy.
    case checkpointed
}

/// A partition at the end of a run.
struct PartitionEnd: Equatable {
    var partition: PartitionID
    /// The offset that is counted next.
    var next: KafkaOffset
    /// The end that the broker told last.
    var end: KafkaOffset
}
