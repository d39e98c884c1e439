// The output of the ingest half's state machine: actions for the loop. An action carries everything that it needs.

import Base
import Kafka
import Log
import State

/// An action for the loop.
enum RunAction: Equatable {
    case kafka(KafkaAction)
    case counting(CountingAction)
    case segment(SegmentAction)
    case state(StateAction)
    case report(HealthReport)
    case log(LogLine)
    /// Wait, or until a stop is requested.
    case wait(milliseconds: Int64)
    /// Wait, even if a stop is requested.
    case pause(milliseconds: Int64)
    /// End the run.
    case fail(IngestError)

    var isFailure: Bool { if case .fail = self { true } else { false } }
}

/// An action on Kafka.
enum KafkaAction: Equatable {
    /// Ask about the topic, unless a question is open.
    case ask(TopicWatch.Question)
    /// Take the answer, waiting for it up to this time.
    case takeAnswer(milliseconds: Int)
    /// Report the client's errors, then this error.
    case explain(KafkaError)
    /// Report the client's errors.
    case takeErrors
    /// Take records, waiting for them up to this time.
    case poll(milliseconds: Int64)
    /// Read every partition except these, each from its next offset.
    case assign(without: Set<PartitionID>)
    /// Pause or resume fetching.
    case setPaused(Bool)
    /// Check for an answer to the commit under way.
    case checkCommit
    /// Wait for the answer to the commit under way, up to this time.
    case awaitCommit(milliseconds: Int32)
    /// Commit the offsets of the counts.
    case commit
}

/// An action on the accumulator.
enum CountingAction: Equatable {
    /// Add a partition.
    case add(PartitionProgress, isNew: Bool, rawNext: KafkaOffset?)
    /// Note a partition's end as the broker reported it.
    case setEnd(of: PartitionID, KafkaOffset)
    /// Note that a partition was read to its end.
    case reachEnd(of: PartitionID, KafkaOffset)
    /// Ignore a partition's records until `forgetLog`.
    case block(PartitionID)
    /// Check a partition's last record before any other record is taken.
    case checkAgain(PartitionID)
    /// Continue without checking the last record.
    case passCheck(PartitionID)
    /// Accept a partition's log, continue after its unread offsets and record them, if there are any.
    case forgetLog(PartitionID, UnreadRange?)
    /// Continue at this offset, and record an incident.
    case skip(PartitionID, to: KafkaOffset, Incident)
    /// Record the topic's id with the next flush.
    case recordTopicID(String)
    /// Record the partitions that are not settled with the next flush.
    case recordUnsettled(UnsettledLogs)
    /// Record an incident with the next flush.
    case recordIncident(Incident)
}

/// An action on raw events.
enum SegmentAction: Equatable {
    /// Complete the open segment.
    case close
    /// Drop the open segment and go back to its start.
    case rewind
    /// Accept raw events again.
    case resume
    /// Find a segment with missing files: among all segments, or the one that the exporter noted.
    case findLoss(amongAll: Bool)
    /// Find the offsets from which a lost segment and those after it must be re-read.
    case measureReread(from: String, ranges: [PartitionID: OffsetRange])
    /// Remove a lost segment and those after it from the state.
    case drop(from: String)
    /// Go back to these offsets and remove the remaining files.
    case readAgain(files: [String], starts: [PartitionID: KafkaOffset])
}

/// An action on the state.
enum StateAction: Equatable {
    /// Write the flush.
    case flush
    /// Write the flush if it has anything new.
    case flushNews
    /// Check that the state's files still exist.
    case checkFiles
    /// Resolve the incidents of this kind.
    case resolveIncidents(kind: String)
}

/// A report to the health board.
enum HealthReport: Equatable {
    /// The readings of all partitions.
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
    /// The fields of the line.
    enum Fields: Equatable {
        case place(partition: PartitionID? = nil, offset: KafkaOffset? = nil, end: KafkaOffset? = nil)
        case offsets([PartitionID: KafkaOffset])
        /// The next offsets to read, at the time of writing.
        case wantedOffsets
        /// The next offsets of the counts, at the time of writing.
        case countedOffsets
        case backlog(bytes: Int64)
    }

    let level: Logger.Level
    let text: String
    var fields = Fields.place()
}
