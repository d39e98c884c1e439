// Tests of the raw half of a run: lost segments and a full spool.

import Base
import Log
import Testing

@testable import Ingest
@testable import Kafka
@testable import State

@Suite("Run: raw events")
struct RunStateRawTests {
    // MARK: The open segment

    @Test("a lost segment is read again after a pause that grows; a completed one ends its growth")
    func lostOpenSegment() throws {
        let machine = try Machine.reading(raw: true)
        for pause in [200, 400] as [Int64] {
            #expect(machine.next(.segment(.failed(reason: "no room"))).contains(.segment(.rewind)))
            #expect(machine.next(.segment(.retryCheck), after: pause - 1).isEmpty)
            // An assignment during the pause does not resume raw events.
            machine.state.assignment = .outdated
            #expect(machine.next(.turn(.assignmentCheck)) == [.kafka(.assign(without: []))])
            #expect(machine.next(.segment(.retryCheck), after: 1) == [.state(.flushNews)])
            #expect(
                machine.next(.turn(.assignmentCheck)) == [.kafka(.assign(without: [])), .segment(.resume)])
            #expect(machine.next(.segment(.retryCheck), after: 10_000).isEmpty)
        }
        machine.next(.segment(.closed))
        machine.next(.segment(.failed(reason: "no room")))
        #expect(machine.next(.segment(.retryCheck), after: 200) == [.state(.flushNews)])
    }

    // MARK: The spool

    @Test("fetching stops when the spool is full and goes on when it has room, each told once")
    func spool() throws {
        let machine = try Machine.reading(raw: true)
        let detail = "99 bytes of raw events wait for export, the budget (--spool-budget); consuming waits"
        #expect(machine.next(.segment(.spoolMeasured(bytes: 50, isFull: false))).isEmpty)
        #expect(
            machine.next(.segment(.spoolMeasured(bytes: 99, isFull: true))) == [
                .kafka(.setPaused(true)), .error(detail, .backlog(bytes: 99)),
                .counting(.recordIncident(Incident(kind: "spool-full", detail: detail))),
            ])
        #expect(machine.next(.segment(.spoolMeasured(bytes: 99, isFull: true))).isEmpty)
        #expect(machine.next(.turn(.batchTaken), after: 1000).first == .report(.partitions(isPaused: true)))
        #expect(
            machine.next(.segment(.spoolMeasured(bytes: 50, isFull: false))) == [
                .kafka(.setPaused(false)), .info("the spool has room again; consuming continues"),
                .state(.resolveIncidents(kind: "spool-full")),
            ])
    }

    @Test("a new assignment fetches again; a spool that is still full stops it once more")
    func spoolAndAssignment() throws {
        let machine = try Machine.reading(raw: true)
        machine.next(.segment(.spoolMeasured(bytes: 99, isFull: true)))
        machine.state.assignment = .outdated
        machine.next(.turn(.assignmentCheck))
        #expect(
            machine.next(.segment(.spoolMeasured(bytes: 99, isFull: true))).first == .kafka(.setPaused(true)))
    }

    // MARK: Closed segments

    @Test("lost segments are looked for once a second: among all at first, then the one that the exporter met")
    func looking() throws {
        let machine = try Machine.reading(raw: true)
        #expect(machine.next(.segment(.lossCheck)) == [.segment(.findLoss(amongAll: true))])
        #expect(machine.next(.segment(.lossFound(name: nil, starts: [:]))).isEmpty)
        #expect(machine.state.lost == .complete)
        #expect(machine.next(.segment(.lossCheck), after: 999).isEmpty)
        #expect(machine.next(.segment(.lossCheck), after: 1) == [.segment(.findLoss(amongAll: false))])
        let without = try Machine.reading()
        #expect(without.next(.segment(.lossCheck)).isEmpty)
    }

    /// A machine that has just found a lost segment of partition 0 from offset 3 on.
    static func losing(skips: Bool = false) throws -> Machine {
        let machine = try Machine.reading(raw: true) { $0.skipsMissingOffsets = skips }
        machine.next(.segment(.lossCheck))
        machine.next(.segment(.lossFound(name: "s1", starts: [0: 3])))
        return machine
    }

    @Test(
        "of a lost segment's partitions Kafka is asked at once; with its answer the segments are dropped and read again"
    )
    func readAgain() throws {
        let machine = try Self.losing()
        #expect(machine.state.lost == .lost(LostSegment(name: "s1", starts: [0: 3], since: machine.now)))
        #expect(
            machine.next(.turn(.ended)) == [.kafka(.ask(TopicWatch.Question(assigned: [0], suspects: [0])))])
        let found = Machine.found(1)
        #expect(
            machine.next(.topic(.found(found, next: [0: NextOffsets(counted: 9, wanted: 9)]))).unreported == [
                .state(.flushNews), .segment(.measureReread(from: "s1", ranges: found.ranges)),
            ])
        #expect(
            machine.next(.segment(.rereadMeasured(starts: [0: 2], ranges: found.ranges))) == [
                .segment(.drop(from: "s1"))
            ])
        #expect(
            machine.next(.segment(.dropped(files: ["f"], starts: [0: 2]))) == [
                .segment(.readAgain(files: ["f"], starts: [0: 2])),
                .log(
                    LogLine(
                        level: .warning,
                        text:
                            "files of raw events that waited for export are missing or truncated; the events are read again",
                        fields: .offsets([0: 2]))),
            ])
        #expect(machine.state.lost == .complete)
        #expect(machine.state.rawOffsets == [0: 2])
        #expect(machine.next(.turn(.assignmentCheck)) == [.kafka(.assign(without: [])), .segment(.resume)])
    }

    @Test("segments that were exported after all are not read again")
    func exportedAfterAll() throws {
        let machine = try Self.losing()
        #expect(machine.next(.segment(.dropped(files: [], starts: [:]))).isEmpty)
        #expect(machine.state.lost == .complete)
        #expect(machine.next(.turn(.assignmentCheck)).isEmpty)
    }

    @Test("an answer that says nothing of a partition is not enough")
    func answerToAnotherQuestion() throws {
        let machine = try Self.losing()
        #expect(machine.next(.segment(.rereadMeasured(starts: [0: 3], ranges: [:]))).isEmpty)
        // Partitions that are not read are ignored.
        #expect(
            machine.next(.segment(.rereadMeasured(starts: [5: 3], ranges: [:]))) == [.segment(.drop(from: "s1"))])
    }

    @Test(
        "events that Kafka no longer has are lost for good, unless the user goes on without them",
        arguments: [true, false])
    func lostForGood(skips: Bool) throws {
        let machine = try Self.losing(skips: skips)
        let actions = machine.next(
            .segment(.rereadMeasured(starts: [0: 3], ranges: [0: OffsetRange(low: 5, high: 10)])))
        guard !skips else {
            #expect(actions == [.segment(.drop(from: "s1"))])
            return
        }
        #expect(
            actions == [
                .warning(
                    "files of raw events that wait for export are gone, and topic views partition 0 no longer has offsets 3 "
                        + "to 4: restore the files in the spool, or give --on-missing-offsets skip to record these events "
                        + "as lost and continue", partition: 0, offset: 3)
            ])
        #expect(machine.state.lost.isSettled)
        // A hopeless segment is still checked with every answer, but no question is brought forward.
        machine.state.due.discovery = machine.now + 2000
        machine.next(.segment(.lossFound(name: "s1", starts: [0: 3])))
        #expect(machine.state.due.discovery == machine.now + 2000)
        #expect(
            machine.next(.topic(.found(Machine.found(1), next: [0: NextOffsets(counted: 9, wanted: 9)]))).contains(
                .state(.flushNews)))
        // Another segment starts a new case.
        machine.next(.segment(.lossFound(name: "s0", starts: [0: 1])))
        #expect(!machine.state.lost.isSettled)
        machine.next(.segment(.lossFound(name: nil, starts: [:])))
        #expect(machine.state.lost == .complete)
    }

    @Test("a prepared commit that brings the segments is waited for at the end for a minute")
    func kept() throws {
        let machine = try Self.losing()
        #expect(machine.next(.segment(.kept), after: 60_000).isEmpty)
        #expect(!machine.state.lost.isSettled)
        #expect(machine.next(.segment(.kept), after: 1).isEmpty)
        #expect(machine.state.lost.isSettled)
        #expect(machine.state.lost.segment?.name == "s1")
    }
}
