// A run's state machine with a clock that only tests move.

import Base
import Log
import Testing
import Windowing

@testable import Ingest
@testable import Kafka
@testable import State

/// The machine, its clock, and a cluster's answers.
final class Machine {
    var state: RunState
    var now: Int64 = 1_000_000

    init(
        known: [PartitionProgress] = [], rawOffsets: [PartitionID: KafkaOffset]? = nil, topicID: String? = nil,
        unsettled: UnsettledLogs = UnsettledLogs(), _ change: (inout IngestSettings) -> Void = { _ in }
    ) throws {
        var settings = IngestSettings(
            kafka: [("group.id", "g")], bootstrapServers: "kafka:9092", topic: "views", statePath: "state.db",
            windows: try WindowSettings())
        change(&settings)
        state = RunState(
            settings: settings, statePath: "state.db", known: known, rawOffsets: rawOffsets,
            topic: RecordedTopic(id: topicID, unsettled: unsettled),
            at: Moment(wall: 1_000_000, monotonic: 1_000_000))
    }

    /// A machine that reads partitions 0 to `count` - 1 from offset 0, after their assignment and first report.
    static func reading(
        _ count: Int = 1, raw: Bool = false, topicID: String? = nil,
        _ change: (inout IngestSettings) -> Void = { _ in }
    ) throws -> Machine {
        let machine = try Machine(rawOffsets: raw ? [:] : nil, topicID: topicID, change)
        machine.next(.topic(.found(found(count, topicID: topicID), next: [:])))
        machine.next(.turn(.batchTaken))
        machine.next(.turn(.assignmentCheck))
        #expect(machine.state.phase == .reading)
        return machine
    }

    @discardableResult
    func next(_ event: RunEvent, after milliseconds: Int64 = 0, stop: Bool = false) -> [RunAction] {
        now += milliseconds
        return state.next(event, at: Moment(wall: now, monotonic: now, isStopRequested: stop))
    }

    /// An answer about partitions 0 to `count` - 1, each with offsets 0 to 10 unless `ranges` says otherwise.
    static func found(
        _ count: Int, topicID: String? = nil, leaders: [PartitionID: Int32] = [:],
        faults: [PartitionID: KafkaError] = [:],
        ranges: [PartitionID: OffsetRange]? = nil, failures: [PartitionID: KafkaError] = [:]
    ) -> TopicWatch.Findings {
        var found = TopicWatch.Findings()
        found.partitions = TopicPartitions(count: count, faults: faults)
        found.partitions.leaders = leaders
        found.topicID = topicID
        found.ranges =
            ranges
            ?? Dictionary(
                uniqueKeysWithValues: PartitionID.all(count: count).map { ($0, OffsetRange(low: 0, high: 10)) })
        found.failures = failures
        return found
    }

    static let transport = KafkaError(code: -195)
    static let allDown = KafkaError(code: -187)
    static let unknownTopic = KafkaError(code: 3)
    static let missingOffset = KafkaError(code: -140)
}

extension RunAction {
    static func warning(
        _ text: String, partition: PartitionID? = nil, offset: KafkaOffset? = nil, end: KafkaOffset? = nil
    ) -> RunAction {
        .log(
            LogLine(level: .warning, text: text, fields: .place(partition: partition, offset: offset, end: end)))
    }

    static func info(_ text: String, _ fields: LogLine.Fields = .place()) -> RunAction {
        .log(LogLine(level: .info, text: text, fields: fields))
    }

    static func error(_ text: String, _ fields: LogLine.Fields) -> RunAction {
        .log(LogLine(level: .error, text: text, fields: fields))
    }
}

extension Sequence where Element == RunAction {
    /// The actions without the reports to the board.
    var unreported: [RunAction] {
        filter { if case .report = $0 { false } else { true } }
    }

    var errors: [IngestError] {
        compactMap { if case .fail(let error) = $0 { error } else { nil } }
    }
}
