// Tests of the end of a run: at the end of the input, after a stop request, and what it waits for.

import Base
import Log
import Testing

@testable import Ingest
@testable import Kafka
@testable import State

@Suite("Run: its end")
struct RunStateEndTests {
    @Test("at every partition's end a run with --exit-at-end completes its segment and ends; any other goes on")
    func endsReached() throws {
        let other = try Machine.reading()
        #expect(other.next(.turn(.endsReached)).isEmpty)
        #expect(other.state.phase == .reading)
        for raw in [true, false] {
            let machine = try Machine.reading(raw: raw) { $0.exitsAtEnd = true }
            #expect(machine.next(.turn(.endsReached)) == [.segment(.close)])
            #expect(machine.state.phase == .draining)
            #expect(machine.next(.segment(.closed)).isEmpty)
            #expect(machine.state.phase == .finishing)
        }
    }

    @Test("a segment that cannot be completed at the end is read again first")
    func lastSegmentFails() throws {
        let machine = try Machine.reading(raw: true) { $0.exitsAtEnd = true }
        machine.next(.turn(.endsReached))
        #expect(
            machine.next(.segment(.failed(reason: "no room"))) == [
                .warning("raw events cannot be written: no room; counting continues, and they are re-read"),
                .segment(.rewind),
            ])
        #expect(machine.state.phase == .reading)
        #expect(machine.next(.turn(.endsReached)).isEmpty)
        #expect(machine.next(.segment(.retryCheck), after: 200) == [.state(.flushNews)])
        // The new assignment is not made yet.
        #expect(machine.next(.turn(.endsReached)).isEmpty)
        machine.next(.turn(.assignmentCheck))
        #expect(machine.next(.turn(.endsReached)) == [.segment(.close)])
    }

    @Test("a log that is not settled is waited for at the end, unless nothing of it is read anyway")
    func unsettled() throws {
        let machine = try Machine.reading { $0.exitsAtEnd = true }
        machine.state.unsettled = [0: .suspect(nil)]
        #expect(machine.next(.turn(.endsReached)).isEmpty)
        machine.state.unsettled = [0: .waiting]
        #expect(machine.next(.turn(.endsReached)) == [.segment(.close)])
    }

    @Test("lost segments are waited for at the end as long as there is hope")
    func lost() throws {
        let segment = LostSegment(name: "s1", starts: [0: 3], since: 0)
        for (lost, isWaited) in [
            (LostSegments.unknown, false), (.complete, false), (.lost(segment), true), (.hopeless(segment), false),
        ] {
            let machine = try Machine.reading(raw: true) { $0.exitsAtEnd = true }
            machine.state.lost = lost
            #expect(machine.next(.turn(.endsReached)).isEmpty == isWaited)
        }
    }

    @Test("a stop ends the turns, whatever is still to be read again")
    func stop() throws {
        let machine = try Machine.reading(raw: true)
        machine.next(.segment(.failed(reason: "no room")))
        #expect(machine.next(.turn(.began(hasNews: true)), stop: true).isEmpty)
        #expect(machine.state.phase == .finishing)
    }

    @Test(
        "an open transaction at the end is told, unless the run was stopped",
        arguments: [(true, false, true), (true, true, false), (false, false, false)])
    func openTransaction(exitsAtEnd: Bool, isStopped: Bool, isTold: Bool) throws {
        let machine = try Machine.reading(2) { $0.exitsAtEnd = exitsAtEnd }
        let ends = [
            PartitionEnd(partition: 0, next: 10, end: 10), PartitionEnd(partition: 1, next: 6, end: 10),
        ]
        let warning = RunAction.warning(
            "topic views partition 1: ended at offset 6, where a transaction is open; up to 4 records after it were not read",
            partition: 1, offset: 6, end: 10)
        #expect(machine.next(.ending(.began(ends)), stop: isStopped) == (isTold ? [warning] : []))
    }

    // MARK: The last commit

    static func confirming() throws -> Machine {
        let machine = try Machine.reading()
        machine.next(.turn(.began(hasNews: false)), stop: true)
        machine.next(.ending(.written), stop: true)
        #expect(machine.state.phase == .confirming(since: machine.now, reason: "no answer in time"))
        return machine
    }

    static let limits: [(isStopped: Bool, isAway: Bool, milliseconds: Int64)] = [
        (false, false, 10_000), (true, false, 2000), (false, true, 1000), (true, true, 1000),
    ]

    @Test("a run that read nothing commits nothing")
    func nothingRead() throws {
        let machine = try Machine()
        machine.next(.turn(.began(hasNews: false)), stop: true)
        #expect(machine.next(.ending(.written), stop: true).isEmpty)
        #expect(machine.state.phase == .finishing)
        machine.next(.ending(.checkpointed))
        #expect(machine.state.phase == .ended)
    }

    @Test("the last offsets are sent and waited for; the acknowledgement ends the wait")
    func confirmed() throws {
        let machine = try Self.confirming()
        let wait = RunAction.kafka(.awaitCommit(milliseconds: 100))
        #expect(machine.next(.ending(.commitCheck)) == [wait])
        #expect(
            machine.next(.ending(.commitAwaited(nil, isUnderWay: false))) == [.kafka(.commit), .kafka(.takeErrors)])
        machine.next(.writing(.commitSent))
        #expect(machine.next(.ending(.commitCheck)) == [wait])
        #expect(machine.next(.ending(.commitAwaited(nil, isUnderWay: true))) == [.kafka(.takeErrors)])
        #expect(machine.next(.ending(.commitAwaited(.acknowledged, isUnderWay: false))).isEmpty)
        #expect(machine.state.phase == .finishing)
        #expect(machine.next(.ending(.commitCheck)).isEmpty)
    }

    @Test("an earlier commit that is acknowledged meanwhile is not the last one")
    func earlierCommit() throws {
        let machine = try Self.confirming()
        #expect(
            machine.next(.ending(.commitAwaited(.acknowledged, isUnderWay: false))) == [
                .kafka(.commit), .kafka(.takeErrors),
            ])
    }

    @Test("a commit that fails is sent again after a pause; a refused login ends the wait")
    func refused() throws {
        let machine = try Self.confirming()
        machine.next(.ending(.commitAwaited(nil, isUnderWay: false)))
        machine.next(.writing(.commitSent))
        #expect(
            machine.next(.ending(.commitAwaited(.failed(Machine.transport), isUnderWay: false))) == [
                .pause(milliseconds: 50), .kafka(.takeErrors),
            ])
        #expect(
            machine.next(.ending(.commitAwaited(nil, isUnderWay: false)), after: 200) == [
                .kafka(.commit), .kafka(.takeErrors),
            ])
        machine.next(.writing(.commitSent))
        let refusal = KafkaError(code: -169)
        #expect(
            machine.next(.ending(.commitAwaited(.failed(refusal), isUnderWay: false))) == [
                Self.warning(refusal.message)
            ])
        #expect(machine.state.phase == .finishing)
    }

    @Test("the wait has a limit: short after a stop, shorter without a broker", arguments: limits)
    func limit(isStopped: Bool, isAway: Bool, milliseconds: Int64) throws {
        let machine = try Self.confirming()
        if isAway { machine.next(.turn(.notice(.failed(Machine.allDown))), stop: isStopped) }
        #expect(
            machine.next(.ending(.commitCheck), after: milliseconds - 1, stop: isStopped) == [
                .kafka(.awaitCommit(milliseconds: 100))
            ])
        #expect(
            machine.next(.ending(.commitCheck), after: 1, stop: isStopped) == [Self.warning("no answer in time")])
        #expect(machine.state.phase == .finishing)
    }

    @Test("errors of the client while the last commit is awaited only say whether a broker is there")
    func errorsWhileConfirming() throws {
        let machine = try Self.confirming()
        #expect(machine.next(.turn(.notice(.failed(Machine.transport)))).isEmpty)
        #expect(machine.state.brokers == .reachable)
        #expect(machine.next(.turn(.notice(.failed(Machine.allDown)))).isEmpty)
        #expect(machine.state.brokers == .unreachable(since: machine.now))
    }

    static func warning(_ reason: String) -> RunAction {
        .log(
            LogLine(
                level: .warning,
                text: "group g: its last offsets were not committed: \(reason); lag tools will show older ones",
                fields: .countedOffsets))
    }
}
