// Tests of a run whose log is not the one that it has read.

import Base
import Testing

@testable import Ingest
@testable import Kafka
@testable import State

@Suite("Run: changed logs")
struct RunStateLogTests {
    static let change = LogChange.recreated(old: "A", new: "B")

    static func logs(
        _ replaced: [PartitionID: String], waiting: Set<PartitionID> = [], earlier: String? = "A"
    ) -> UnsettledLogs {
        var logs = UnsettledLogs()
        logs.earlierID = earlier
        (logs.replaced, logs.waiting) = (replaced, waiting)
        return logs
    }

    static func unread(_ change: LogChange, from: KafkaOffset, to: KafkaOffset) -> UnreadRange {
        UnreadRange(topic: "views", partition: 0, change: change, from: from, to: to)
    }

    @Test("another topic under the same name: nothing more is taken, and the partitions are asked about at once")
    func recreated() throws {
        let machine = try Machine.reading(2, topicID: "A")
        let actions = machine.next(
            .topic(.found(Machine.found(2, topicID: "B", ranges: [:]), next: [:]))
        ).unreported
        #expect(
            actions == [
                .counting(.recordTopicID("B")), .counting(.block(0)), .counting(.block(1)),
                .counting(.recordUnsettled(Self.logs([0: "A", 1: "A"]))),
            ])
        #expect(machine.state.unsettled == [0: .suspect(Self.change), 1: .suspect(Self.change)])
        #expect(
            machine.next(.turn(.ended)) == [
                .kafka(.ask(TopicWatch.Question(assigned: [0, 1], suspects: [0, 1])))
            ])
        // The same answer again has no effect.
        #expect(
            machine.next(.topic(.found(Machine.found(2, topicID: "B", ranges: [:]), next: [:]))).unreported.isEmpty)
    }

    static let outcomes: [(high: KafkaOffset, counted: KafkaOffset, skips: Bool, outcome: Outcome)] = [
        (10, 4, false, .ends), (10, 4, true, .passesOver), (3, 4, true, .waits), (10, 0, false, .follows),
        (4, 4, true, .passesOver),
    ]

    enum Outcome: Equatable { case ends, passesOver, waits, follows }

    @Test("what the new log has below the state's offset ends the run or is passed over", arguments: outcomes)
    func unread(high: KafkaOffset, counted: KafkaOffset, skips: Bool, outcome: Outcome) throws {
        let machine = try Machine.reading(topicID: "A") { $0.skipsMissingOffsets = skips }
        machine.next(.topic(.found(Machine.found(1, topicID: "B", ranges: [:]), next: [:])))
        let next = [PartitionID(rawValue: 0): NextOffsets(counted: counted, wanted: counted)]
        let found = Machine.found(1, topicID: "B", ranges: [0: OffsetRange(low: 0, high: high)])
        let actions = machine.next(.topic(.found(found, next: next))).unreported
        let unread = Self.unread(Self.change, from: 0, to: counted)
        let told: [RunAction] = [
            .error(unread.incident.detail, .place(partition: 0, offset: 0, end: counted)),
            .counting(.forgetLog(0, unread)),
        ]
        let settled = RunAction.counting(.recordUnsettled(UnsettledLogs()))
        let expected: [RunAction] =
            switch outcome {
            case .ends: [.fail(.otherLog(unread))]
            case .passesOver: told + [settled]
            case .waits:
                told + [
                    .counting(.reachEnd(of: 0, counted)), .counting(.recordUnsettled(Self.logs([:], waiting: [0]))),
                ]
            case .follows: [.counting(.forgetLog(0, nil)), settled]
            }
        #expect(actions == expected)
        guard outcome != .ends else { return }
        #expect(machine.state.unsettled == (outcome == .waits ? [0: .waiting] : [:]))
        #expect(machine.next(.turn(.assignmentCheck)) == [.kafka(.assign(without: outcome == .waits ? [0] : []))])
    }

    @Test("a log that is shorter is read again when it has grown past what the state has")
    func waiting() throws {
        let machine = try Machine.reading(2) { $0.skipsMissingOffsets = true }
        machine.state.unsettled = [1: .waiting]
        machine.state.topic.unsettled.waiting = [1]
        let next = [
            PartitionID(rawValue: 0): NextOffsets(counted: 0, wanted: 0), 1: NextOffsets(counted: 8, wanted: 8),
        ]
        func found(_ high: KafkaOffset) -> RunEvent {
            .topic(.found(Machine.found(2, ranges: [1: OffsetRange(low: 0, high: high)]), next: next))
        }
        #expect(machine.next(found(7)).unreported.isEmpty)
        #expect(machine.state.waiting == [1])
        #expect(machine.next(.turn(.assignmentCheck)).isEmpty)
        // An error of a partition that is not read has no effect.
        machine.next(.turn(.notice(.partitionFailed(partition: 1, offset: 8, Machine.missingOffset))))
        #expect(machine.state.waiting == [1])
        #expect(machine.next(found(8)).unreported == [.counting(.recordUnsettled(UnsettledLogs()))])
        #expect(machine.state.unsettled.isEmpty)
        #expect(machine.next(.turn(.assignmentCheck)) == [.kafka(.assign(without: []))])
    }

    @Test("a topic that is made again while its log is waited for is passed over again, and then read")
    func recreatedWhileWaiting() throws {
        let machine = try Machine.reading(topicID: "A") { $0.skipsMissingOffsets = true }
        let next = [PartitionID(rawValue: 0): NextOffsets(counted: 4, wanted: 4)]
        machine.next(.topic(.found(Machine.found(1, topicID: "B", ranges: [:]), next: [:])))
        let short = [PartitionID(rawValue: 0): OffsetRange(low: 0, high: 3)]
        machine.next(.topic(.found(Machine.found(1, topicID: "B", ranges: short), next: next)))
        #expect(machine.state.unsettled == [0: .waiting])
        let again = LogChange.recreated(old: "B", new: "C")
        let told = machine.next(.topic(.found(Machine.found(1, topicID: "C", ranges: [:]), next: [:])))
        #expect(told.contains(.counting(.block(0))))
        #expect(machine.state.unsettled == [0: .suspect(again)])
        let long = [PartitionID(rawValue: 0): OffsetRange(low: 1, high: 9)]
        let actions = machine.next(.topic(.found(Machine.found(1, topicID: "C", ranges: long), next: next)))
        // The log is accepted with the range that is not read; the partition would stay blocked otherwise.
        let unread = Self.unread(again, from: again.firstUnread(low: 1), to: 4)
        #expect(actions.contains(.counting(.forgetLog(0, unread))))
        #expect(machine.state.unsettled.isEmpty)
    }

    @Test("a cut of a topic that was made again does not shorten what is passed over of it")
    func recreatedThenCut() throws {
        let machine = try Machine.reading(topicID: "A") { $0.skipsMissingOffsets = true }
        machine.next(.topic(.found(Machine.found(1, topicID: "B", ranges: [:]), next: [:])))
        let cut = KafkaError(code: -140, "log truncation detected: broker end offset is 2 (offset leader epoch 1)")
        machine.next(.turn(.notice(.partitionFailed(partition: 0, offset: 4, cut))))
        #expect(machine.state.unsettled == [0: .suspect(Self.change)])
        machine.next(.topic(.found(Machine.found(1, topicID: "C", ranges: [:]), next: [:])))
        #expect(machine.state.unsettled == [0: .suspect(.recreated(old: "A", new: "C"))])
    }

    @Test("a state ahead of its topic ends the run, unless the leader's epoch tells where the log was cut")
    func ahead() throws {
        let mark = RecordMark(offset: 19, timestamp: nil, leaderEpoch: 3, fingerprint: 1)
        let cases: [(mark: RecordMark?, skips: Bool, fails: Bool, waits: Bool)] = [
            (nil, false, true, false), (mark, false, true, false), (nil, true, false, true), (mark, true, false, false),
        ]
        for (mark, skips, fails, waits) in cases {
            let machine = try Machine(known: [RunStateTopicTests.progress(0, 20, last: mark)]) {
                $0.skipsMissingOffsets = skips
            }
            let errors = machine.next(.topic(.found(Machine.found(1), next: [:]))).errors
            #expect(errors == (fails ? [.topicShorter(topic: "views", partition: 0, next: 20, end: 10)] : []))
            #expect(machine.state.waiting == (waits ? [0] : []))
        }
    }

    @Test(
        "a topic that was made again before the start: the state's partitions are blocked, then passed over or refused")
    func recreatedBeforeStart() throws {
        for skips in [true, false] {
            let machine = try Machine(known: [RunStateTopicTests.progress(0, 6)], topicID: "A") {
                $0.skipsMissingOffsets = skips
            }
            let actions = machine.next(.topic(.found(Machine.found(1, topicID: "B"), next: [:])))
            let unread = Self.unread(Self.change, from: 0, to: 6)
            #expect(actions.contains(.counting(.block(0))))
            #expect(actions.contains(.counting(.forgetLog(0, unread))) == skips)
            #expect(actions.errors == (skips ? [] : [.otherLog(unread)]))
        }
        // Without an answer about its offsets the partition is not read.
        let machine = try Machine(known: [RunStateTopicTests.progress(0, 6)], topicID: "A")
        let found = Machine.found(1, topicID: "B", ranges: [:], failures: [0: Machine.transport])
        machine.next(.topic(.found(found, next: [:])))
        #expect(machine.state.assigned.isEmpty)
    }

    @Test("a restart while a new topic's partitions are settled: the others are still those of the earlier topic")
    func restartBetween() throws {
        let known = [RunStateTopicTests.progress(0, 6), RunStateTopicTests.progress(1, 6)]
        let first = try Machine(known: known, topicID: "A") { $0.skipsMissingOffsets = true }
        let one = Machine.found(
            2, topicID: "B", ranges: [0: OffsetRange(low: 0, high: 9)], failures: [1: Machine.transport])
        let actions = first.next(.topic(.found(one, next: [:])))
        let left = Self.logs([1: "A"])
        #expect(actions.contains(.counting(.recordTopicID("B"))))
        #expect(actions.contains(.counting(.recordUnsettled(left))))
        #expect(first.state.assigned == [0])
        // The same process, once the partition answers.
        let both = Machine.found(2, topicID: "B", ranges: [1: OffsetRange(low: 0, high: 9)])
        let unread = UnreadRange(topic: "views", partition: 1, change: Self.change, from: 0, to: 6)
        let later = first.next(.topic(.found(both, next: [0: NextOffsets(counted: 6, wanted: 6)])))
        #expect(later.contains(.counting(.forgetLog(1, unread))))
        #expect(later.contains(.counting(.recordUnsettled(UnsettledLogs()))))
        // The next process, which the state tells.
        let second = try Machine(known: known, topicID: "B", unsettled: left) { $0.skipsMissingOffsets = true }
        let start = second.next(.topic(.found(Machine.found(2, topicID: "B"), next: [:])))
        #expect(start.contains(.counting(.block(1))))
        #expect(start.contains(.counting(.forgetLog(1, unread))))
        #expect(!start.contains(.counting(.block(0))))
        #expect(start.contains(.counting(.recordUnsettled(UnsettledLogs()))))
        // Without an answer it is not read at the earlier topic's offset.
        let unasked = try Machine(known: known, topicID: "B", unsettled: left) { $0.skipsMissingOffsets = true }
        unasked.next(.topic(.found(one, next: [:])))
        #expect(unasked.state.assigned == [0])
    }

    @Test("a restart while a shorter log is waited for: it is waited for again, without another incident")
    func restartWhileWaiting() throws {
        let known = [RunStateTopicTests.progress(0, 20), RunStateTopicTests.progress(1, 4)]
        let machine = try Machine(known: known, topicID: "B", unsettled: Self.logs([:], waiting: [0])) {
            $0.skipsMissingOffsets = true
        }
        let actions = machine.next(.topic(.found(Machine.found(2, topicID: "B"), next: [:]))).unreported
        #expect(machine.state.waiting == [0])
        #expect(!actions.contains { if case .counting(.forgetLog) = $0 { true } else { false } })
        #expect(!actions.contains { if case .counting(.recordUnsettled) = $0 { true } else { false } })
        let grown = Machine.found(2, topicID: "B", ranges: [0: OffsetRange(low: 0, high: 21)])
        let next = [
            PartitionID(rawValue: 0): NextOffsets(counted: 20, wanted: 20), 1: NextOffsets(counted: 4, wanted: 4),
        ]
        let read = machine.next(.topic(.found(grown, next: next)))
        #expect(read.contains(.counting(.recordUnsettled(UnsettledLogs()))))
        #expect(machine.state.unsettled.isEmpty)
    }

    @Test("raw events of a log that was replaced, which can no longer be read, are recorded as lost")
    func rawLoss() throws {
        let machine = try Machine.reading()
        let lost = [LostOffsets(partition: 0, offsets: 5..<20)]
        let detail =
            "topic views partition 0: offsets 5 to 19 (15 in all) of the earlier log can no longer be read and are not in the raw table"
        var incident = Incident(kind: "missing-offsets", detail: detail)
        incident.lost = lost[0]
        #expect(
            machine.next(.segment(.lostForGood(lost))) == [
                .error(detail, .place(partition: 0, offset: 5, end: 20)), .counting(.recordIncident(incident)),
            ])
    }

    /// The log's range, whether the topic was created again, and the range that is skipped.
    static let behind: [(log: OffsetRange, isNew: Bool, from: KafkaOffset)] = [
        (OffsetRange(low: 0, high: 60), false, 40), (OffsetRange(low: 0, high: 60), true, 0),
        (OffsetRange(low: 50, high: 60), false, 50), (OffsetRange(low: 0, high: 300), true, 0),
    ]

    @Test(
        "what a restored state would count again is no longer in the log: skipped up to the table's end",
        arguments: behind)
    func behindItsTable(log: OffsetRange, isNew: Bool, from: KafkaOffset) throws {
        for skips in [true, false] {
            let machine = try Machine(known: [RunStateTopicTests.progress(0, 40)], topicID: "A") {
                $0.skipsMissingOffsets = skips
            }
            machine.state.topic.countedEnds = [0: 233]
            let id = isNew ? "B" : "A"
            let actions = machine.next(.topic(.found(Machine.found(1, topicID: id, ranges: [0: log]), next: [:])))
            let unread = UnreadRange(
                topic: "views", partition: 0, change: isNew ? Self.change : .shorter(end: log.high), from: from,
                to: 233,
                recounted: 40)
            #expect(actions.errors == (skips ? [] : [.otherLog(unread)]))
            #expect(actions.contains(.counting(.forgetLog(0, unread))) == skips)
            #expect(machine.state.waiting == (skips && log.high < 233 ? [0] : []))
        }
    }

    @Test("a restored state without raw rows skips a new topic's records up to the table's end, however many it has")
    func behindItsTableFromTheStart() throws {
        for high: KafkaOffset in [100, 600] {
            let machine = try Machine(known: [RunStateTopicTests.progress(0, 0)], topicID: "A") {
                $0.skipsMissingOffsets = true
            }
            machine.state.topic.countedEnds = [0: 500]
            let log = [PartitionID(rawValue: 0): OffsetRange(low: 0, high: high)]
            let actions = machine.next(.topic(.found(Machine.found(1, topicID: "B", ranges: log), next: [:])))
            let unread = UnreadRange(
                topic: "views", partition: 0, change: Self.change, from: 0, to: 500, recounted: 0)
            #expect(actions.contains(.counting(.forgetLog(0, unread))))
            #expect(machine.state.waiting == (high < 500 ? [0] : []))
        }
    }

    @Test("a restored state counts again what the log still has up to the table's end")
    func countsAgain() throws {
        let machine = try Machine(known: [RunStateTopicTests.progress(0, 40)], topicID: "A") {
            $0.skipsMissingOffsets = true
        }
        machine.state.topic.countedEnds = [0: 233]
        let log = [PartitionID(rawValue: 0): OffsetRange(low: 0, high: 233)]
        machine.next(.topic(.found(Machine.found(1, topicID: "A", ranges: log), next: [:])))
        #expect(machine.state.unsettled.isEmpty)
        #expect(machine.state.assigned == [0])
        // Not before the log's end is known.
        let unasked = try Machine(known: [RunStateTopicTests.progress(0, 40)], topicID: "A")
        unasked.state.topic.countedEnds = [0: 233]
        let none = Machine.found(1, topicID: "A", ranges: [:], failures: [0: Machine.transport])
        unasked.next(.topic(.found(none, next: [:])))
        #expect(unasked.state.assigned.isEmpty)
    }

    @Test("the record of unsettled logs is read back from its text")
    func text() {
        let logs = Self.logs([2: "b=", 10: "A-_"], waiting: [0, 3])
        #expect(logs.text == "A 0= 2=b= 3= 10=A-_")
        #expect(UnsettledLogs(text: logs.text) == logs)
        #expect(UnsettledLogs(text: nil) == UnsettledLogs())
        #expect(UnsettledLogs(text: "x=1 4 -1=a 5=") == Self.logs([:], waiting: [5], earlier: "4"))
    }

    @Test(
        "another record at the last one's place, and a log that was cut, are asked about at once; a known cause is kept"
    )
    func suspects() throws {
        let machine = try Machine.reading()
        machine.next(.topic(.otherRecord(partition: 0, offset: 3)))
        #expect(machine.state.unsettled == [0: .suspect(.otherRecord(at: 3))])
        #expect(machine.next(.turn(.ended)).count == 1)
        machine.next(.turn(.notice(.partitionFailed(partition: 0, offset: 4, Machine.missingOffset))))
        #expect(machine.state.unsettled == [0: .suspect(.otherRecord(at: 3))])
        let cut = KafkaError(code: -140, "log truncation detected: broker end offset is 2 (offset leader epoch 1)")
        machine.next(.turn(.notice(.partitionFailed(partition: 0, offset: 4, cut))))
        #expect(machine.state.unsettled == [0: .suspect(.cut(at: 2))])
        #expect(
            machine.next(.topic(.found(Machine.found(1), next: [0: NextOffsets(counted: 4, wanted: 4)]))).errors == [
                .otherLog(Self.unread(.cut(at: 2), from: 2, to: 4))
            ])
    }
}
