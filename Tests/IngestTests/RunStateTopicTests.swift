// Tests of the partitions that a run reads, and of a topic or log that is not the one that it has read.

import Base
import Testing

@testable import Ingest
@testable import Kafka
@testable import State

@Suite("Run: the topic")
struct RunStateTopicTests {
    static func progress(
        _ partition: PartitionID, _ next: KafkaOffset, first: KafkaOffset = 0, last: RecordMark? = nil
    ) -> PartitionProgress {
        var progress = PartitionProgress(partition: partition, nextOffset: next)
        progress.firstOffset = first
        progress.lastRecord = last
        return progress
    }

    static func reads(_ partitions: String) -> RunAction {
        .info("reading topic views, partitions \(partitions)", .wantedOffsets)
    }

    // MARK: Adding partitions

    @Test("new partitions begin at the log's start, known ones where the state is; then all are assigned")
    func adding() throws {
        let known = Self.progress(1, 7)
        let machine = try Machine(known: [known])
        let actions = machine.next(.topic(.found(Machine.found(2, topicID: "A"), next: [:])))
        #expect(
            actions == [
                .report(.discovered(missing: [:])), .counting(.recordTopicID("A")),
                .counting(.add(PartitionProgress(partition: 0, nextOffset: 0), isNew: true, rawNext: 0)),
                .counting(.setEnd(of: 0, 10)), .counting(.add(known, isNew: false, rawNext: 0)),
                .counting(.setEnd(of: 1, 10)), Self.reads("0, 1"),
            ])
        #expect(machine.state.phase == .reading)
        #expect(machine.next(.turn(.assignmentCheck)) == [.kafka(.assign(without: []))])
        #expect(machine.next(.turn(.assignmentCheck)).isEmpty)
        // A partition is added once. A partition that appears later is also read.
        let next = [
            PartitionID(rawValue: 0): NextOffsets(counted: 3, wanted: 3), 1: NextOffsets(counted: 8, wanted: 8),
        ]
        #expect(
            machine.next(.topic(.found(Machine.found(2, topicID: "A"), next: next))) == [
                .report(.discovered(missing: [:]))
            ])
        #expect(
            machine.next(.topic(.found(Machine.found(3, topicID: "A"), next: next))).unreported == [
                .counting(.add(PartitionProgress(partition: 2, nextOffset: 0), isNew: true, rawNext: 0)),
                .counting(.setEnd(of: 2, 10)), Self.reads("0, 1, 2"),
            ])
        #expect(machine.next(.turn(.assignmentCheck)) == [.kafka(.assign(without: []))])
    }

    @Test("a raw half that is new begins where the counts did, as far back as Kafka goes")
    func rawBegins() throws {
        let cases:
            [(rawOffsets: [PartitionID: KafkaOffset], first: KafkaOffset, low: KafkaOffset, rawNext: KafkaOffset)] = [
                ([:], 2, 0, 2), ([:], 2, 5, 5), ([0: 6], 2, 0, 6),
            ]
        for (rawOffsets, first, low, rawNext) in cases {
            let known = Self.progress(0, 8, first: first)
            let machine = try Machine(known: [known], rawOffsets: rawOffsets)
            let found = Machine.found(1, ranges: [0: OffsetRange(low: low, high: 10)])
            let actions = machine.next(.topic(.found(found, next: [:])))
            #expect(actions.contains(.counting(.add(known, isNew: false, rawNext: rawNext))))
        }
    }

    @Test("only the partitions asked for are read; one that does not exist ends the run before anything is read")
    func chosenPartitions() throws {
        let machine = try Machine { $0.partitions = [1] }
        #expect(machine.next(.topic(.found(Machine.found(3), next: [:]))).unreported.last == Self.reads("1"))
        let wrong = try Machine { $0.partitions = [1, 3] }
        #expect(
            wrong.next(.topic(.found(Machine.found(3), next: [:]))) == [
                .report(.discovered(missing: [:])),
                .fail(.noSuchPartition(topic: "views", partition: 3, count: 3)),
            ])
        // Later the topic may have fewer partitions.
        let later = try Machine.reading(3) { $0.partitions = [2] }
        #expect(
            later.next(.topic(.found(Machine.found(2), next: [2: NextOffsets(counted: 0, wanted: 0)]))) == [
                .report(.discovered(missing: [2: "the topic no longer has it"])),
                .warning("topic views partition 2: the topic no longer has it; trying again", partition: 2),
            ])
    }

    @Test("the first partitions begin together: an unknown one without an answer is waited for, a known one is not")
    func together() throws {
        let found = Machine.found(
            2, ranges: [0: OffsetRange(low: 0, high: 10)], failures: [1: Machine.transport])
        let machine = try Machine()
        #expect(
            machine.next(.topic(.found(found, next: [:]))) == [
                .report(.discovered(missing: [:])), .kafka(.explain(Machine.transport)),
            ])
        #expect(machine.state.assigned.isEmpty)
        let knowing = try Machine(known: [Self.progress(1, 4)])
        let actions = knowing.next(.topic(.found(found, next: [:])))
        #expect(actions.contains(.counting(.add(Self.progress(1, 4), isNew: false, rawNext: nil))))
        #expect(knowing.state.assigned == [0, 1])
        #expect(knowing.state.phase == .reading)
    }

    @Test("a partition that nobody serves is told, and the topic is asked for again sooner")
    func missing() throws {
        let machine = try Machine.reading(2)
        let next = [
            PartitionID(rawValue: 0): NextOffsets(counted: 0, wanted: 0), 1: NextOffsets(counted: 0, wanted: 0),
        ]
        let fault = Machine.transport
        #expect(
            machine.next(.topic(.found(Machine.found(2, faults: [1: fault]), next: next))) == [
                .report(.discovered(missing: [1: fault.message])),
                .warning("topic views partition 1: \(fault.message); trying again", partition: 1),
            ])
        #expect(machine.state.due.discovery == machine.now + 1000)
        machine.next(.topic(.found(Machine.found(2), next: next)))
        #expect(machine.state.due.discovery == machine.now + 2000)
    }

    @Test("where the leader changes, the last record is looked for again")
    func leaders() throws {
        let machine = try Machine.reading(2)
        let cases: [(leaders: [PartitionID: Int32], again: [PartitionID])] = [
            ([0: 1, 1: 1], []), ([0: 1, 1: 2], [1]), ([0: -1, 1: 2], []), ([0: 1, 1: 2], []), ([0: 2, 1: 1], [0, 1]),
        ]
        for (leaders, again) in cases {
            let actions = machine.next(.topic(.found(Machine.found(2, leaders: leaders), next: [:])))
            let checks = actions.filter { if case .counting = $0 { true } else { false } }
            #expect(checks == again.map { .counting(.checkAgain($0)) })
            #expect(machine.next(.turn(.assignmentCheck)).isEmpty == again.isEmpty)
        }
    }

    // MARK: Missing offsets

    @Test("offsets that Kafka no longer has end the run, or are recorded and passed over")
    func lostAtStart() throws {
        let found = Machine.found(1, ranges: [0: OffsetRange(low: 5, high: 10)])
        let machine = try Machine(known: [Self.progress(0, 2)])
        #expect(
            machine.next(.topic(.found(found, next: [:]))).errors == [
                .missingOffsets(topic: "views", partition: 0, from: 2, to: 5)
            ])
        let skipping = try Machine(known: [Self.progress(0, 2)]) { $0.skipsMissingOffsets = true }
        let detail =
            "topic views partition 0: offsets 2 to 4 (3 in all) were no longer in Kafka and are not counted"
        var incident = Incident(kind: "missing-offsets", detail: detail)
        incident.lost = LostOffsets(partition: 0, offsets: 2..<5)
        #expect(
            skipping.next(.topic(.found(found, next: [:]))).suffix(3) == [
                .error(detail, .place(partition: 0, offset: 2, end: 5)),
                .counting(.skip(0, to: 5, incident)), Self.reads("0"),
            ])
    }

    @Test("offsets that only the raw half wanted are counted, and said to be")
    func lostForRaw() throws {
        let machine = try Machine(known: [Self.progress(0, 8)], rawOffsets: [0: 2]) { $0.skipsMissingOffsets = true }
        let found = Machine.found(1, ranges: [0: OffsetRange(low: 5, high: 10)])
        let detail =
            "topic views partition 0: offsets 2 to 4 (3 in all) were no longer in Kafka and are counted, but not in "
            + "the raw table"
        var incident = Incident(kind: "missing-offsets", detail: detail)
        incident.lost = LostOffsets(partition: 0, offsets: 2..<5)
        #expect(
            machine.next(.topic(.found(found, next: [:]))).contains(.counting(.skip(0, to: 5, incident))))
    }

    @Test("offsets that go missing while reading are asked about at once; what was lost is decided as at the start")
    func lostWhileReading() throws {
        for skips in [true, false] {
            let machine = try Machine.reading { $0.skipsMissingOffsets = skips }
            let notice = Notice.partitionFailed(partition: 0, offset: 3, Machine.missingOffset)
            #expect(machine.next(.turn(.notice(notice))).isEmpty)
            #expect(
                machine.next(.turn(.ended)) == [.kafka(.ask(TopicWatch.Question(assigned: [0], suspects: [0])))])
            let found = Machine.found(1, ranges: [0: OffsetRange(low: 5, high: 10)])
            let actions = machine.next(.topic(.found(found, next: [0: NextOffsets(counted: 3, wanted: 3)])))
            #expect(actions.unreported.first == .counting(.passCheck(0)))
            #expect(
                actions.errors
                    == (skips ? [] : [.missingOffsets(topic: "views", partition: 0, from: 3, to: 5)]))
            guard skips else { continue }
            #expect(machine.state.unsettled.isEmpty)
            #expect(machine.next(.turn(.assignmentCheck)) == [.kafka(.assign(without: []))])
        }
    }

    @Test("a suspect partition without an answer stays suspect, and is asked about again")
    func suspectUnanswered() throws {
        let machine = try Machine.reading()
        machine.next(.turn(.notice(.partitionFailed(partition: 0, offset: 3, Machine.missingOffset))))
        let found = Machine.found(1, ranges: [:], failures: [0: Machine.transport])
        #expect(
            machine.next(.topic(.found(found, next: [0: NextOffsets(counted: 3, wanted: 3)]))).unreported == [
                .warning("topic views partition 0: \(Machine.transport.message); trying again", partition: 0)
            ])
        #expect(machine.state.unsettled == [0: .suspect(nil)])
        #expect(machine.state.due.discovery == machine.now + 1000)
    }
}
