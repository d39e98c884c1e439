// What the loop of the ingest half does: the output of its state machine. An action carries all that it needs.

import Base
import Kafka
import Log
import State

/// Something to be done.
enum RunAction: Equatable {
    case kafka(KafkaAction)
    case counting(CountingAction)
    case segment(SegmentAction)
    case state(StateAction)
    case report(HealthReport)
    case log(LogLine)
    /// Wait, but no longer than until a stop is requested.
    case wait(milliseconds: Int64)
    /// Wait that long in any case.
    case pause(milliseconds: Int64)
    /// End the run.
    case fail(IngestError)

    var isFailure: Bool { if case .fail = self { true } else { false } }
}

/// What is asked of Kafka.
enum KafkaAction: Equatable {
    /// Ask about the topic, unless a question is open.
    case ask(TopicWatch.Question)
    /// Wait for the answer no longer than that.
    case takeAnswer(milliseconds: Int)
    /// Report what the client met, then the error itself.
    case explain(KafkaError)
    /// Report what the client met.
    case takeErrors
    /// Wait for records no longer than that, and take them in.
    case poll(milliseconds: Int64)
    /// Read every partition but these, each from where it is wanted.
    case assign(without: Set<PartitionID>)
    /// Stop fetching, or go on.
    case setPaused(Bool)
    /// Look whether the commit under way was answered.
    case checkCommit
    /// Wait for the answer to the commit under way no longer than that.
    case awaitCommit(milliseconds: Int32)
    /// Commit the offsets of the counts.
    case commit
}

/// What the accumulator is told.
enum CountingAction: Equatable {
    /// Read a partition from now on.
    case add(PartitionProgress, isNew: Bool, rawNext: KafkaOffset?)
    /// The broker told a partition's end.
    case setEnd(of: PartitionID, KafkaOffset)
    /// A partition was read to its end.
    case reachEnd(of: PartitionID, KafkaOffset)
    /// Take nothing more of a partition until its log is forgotten.
    case block(PartitionID)
    /// Look for the last record before anything more of a partition is taken.
    case checkAgain(PartitionID)
    /// Read on without looking for the last record.
    case passCheck(PartitionID)
    /// Take a partition's log as it is.
    case forgetLog(PartitionID, Incident?)
    /// Go on at this offset, recording an incident.
    case skip(PartitionID, to: KafkaOffset, Incident)
    /// Record the topic's id with the next flush.
    case recordTopicID(String)
    /// Record an incident with the next flush.
    case recordIncident(Incident)
}

/// What happens to raw events.
enum SegmentAction: Equatable {
    /// Complete the open segment.
    case close
    /// Drop the open segment and go back to its beginning.
    case rewind
    /// Take in raw events again.
    case resume
    /// Look for a segment whose files are gone: among all, or the one that the exporter met.
    case findLoss(amongAll: Bool)
    /// Find out from where the events of a lost segment and those after it have to be read again.
    case measureReread(from: String, ranges: [PartitionID: OffsetRange])
    /// Remove a lost segment and those after it from the state.
    case drop(from: String)
    /// Go back to these offsets and remove the files that are left.
    case readAgain(files: [String], starts: [PartitionID: KafkaOffset])
}

/// What happens to the state.
enum StateAction: Equatable {
    /// Write what was accumulated.
    case flush
    /// Write what was accumulated, if there is anything.
    case flushNews
    /// See whether the state's files are still there.
    case checkFiles
    /// The cause of these incidents is gone.
    case resolveIncidents(kind: String)
}

/// What the health board is told.
enum HealthReport: Equatable {
    /// How each partition is.
    case partitions(isPaused: Bool)
    case kafkaFailed(String)
    case partitionAnswered(PartitionID)
    case partitionFailed(PartitionID, String)
    case discovered(missing: [PartitionID: String])
    case flushed
    case flushFailed(String)
}

/// A line of the log.
struct LogLine: Equatable {
    /// The fields beside the words.
    enum Fields: Equatable {
        case place(partition: PartitionID? = nil, offset: KafkaOffset? = nil, end: KafkaOffset? = nil)
        case offsets([PartitionID: KafkaOffset])
        /// The offsets to read next, as they are when the line is written.
        case wantedOffsets
        /// The offsets that are counted next, as they are when the line is written.
        case countedOffsets
        case backlog(bytes: Int64)
    }

    let level: Logger.Level
    let text: String
    var fields = Fields.place()
}
