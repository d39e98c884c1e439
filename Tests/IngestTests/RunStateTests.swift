// Tests of the decisions of a run in each turn and at its end.

import Base
import Testing

@testable import Ingest
@testable import Kafka
@testable import State

@Suite("Run: decisions")
struct RunStateTests {
    // MARK: Waiting for the topic

    @Test("before the topic is known every turn asks for it; the state's files are looked at once a second")
    func resolving() throws {
        let machine = try Machine()
        let question = TopicWatch.Question()
        let asks: [RunAction] = [.kafka(.ask(question)), .kafka(.takeAnswer(milliseconds: 100))]
        #expect(machine.next(.turn(.began(hasNews: false))) == [.state(.checkFiles)] + asks)
        #expect(machine.next(.turn(.began(hasNews: false)), after: 100) == asks)
        #expect(machine.next(.turn(.began(hasNews: false)), after: 900) == [.state(.checkFiles)] + asks)
    }

    @Test("a topic that does not exist is waited for, ever longer, and complained of every ten seconds")
    func missingTopic() throws {
        let machine = try Machine()
        let error = Machine.unknownTopic
        #expect(machine.next(.topic(.failed(error))) == [.kafka(.explain(error))])
        let complaint = RunAction.warning(
            "topic views does not exist at kafka:9092; waiting for it (create it, or correct --topic)")
        let report = RunAction.report(.kafkaFailed("the topic does not exist"))
        #expect(
            machine.next(.topic(.failureExplained(error))) == [report, complaint, .wait(milliseconds: 200)])
        #expect(machine.next(.topic(.failureExplained(error)), after: 200) == [report, .wait(milliseconds: 400)])
        #expect(
            machine.next(.topic(.failureExplained(error)), after: 9800) == [
                report, complaint, .wait(milliseconds: 800),
            ])
        #expect(machine.state.phase == .resolving(since: 1_000_000, retry: machine.retry(3)))
    }

    @Test("while nothing is read, what the client met is only reported, and is the reason that is told")
    func refusedLogin() throws {
        let machine = try Machine()
        let refusal = KafkaError(code: -169)
        #expect(
            machine.next(.turn(.notice(.failed(refusal)))) == [.report(.kafkaFailed(refusal.message))])
        #expect(
            machine.next(.topic(.failureExplained(Machine.transport))) == [
                .report(.kafkaFailed(refusal.message)),
                .warning("topic views: \(refusal.message); trying again"), .wait(milliseconds: 200),
            ])
    }

    @Test(
        "with --exit-at-end Kafka is waited for no longer than its limit; any other run goes on",
        arguments: [true, false])
    func limit(exitsAtEnd: Bool) throws {
        let machine = try Machine {
            $0.exitsAtEnd = exitsAtEnd
            $0.unreachableLimitMilliseconds = 5000
        }
        #expect(machine.next(.topic(.failureExplained(Machine.transport)), after: 4999).errors.isEmpty)
        let last = machine.next(.topic(.failureExplained(Machine.transport)), after: 1)
        let expected = IngestError.unreachable(servers: "kafka:9092", reason: "no broker answered", seconds: 5)
        #expect(last.errors == (exitsAtEnd ? [expected] : []))
        #expect(last.contains(.wait(milliseconds: 400)) == !exitsAtEnd)
    }

    @Test("a stop ends the wait")
    func stopWhileResolving() throws {
        let machine = try Machine()
        #expect(machine.next(.turn(.began(hasNews: false)), stop: true).isEmpty)
        #expect(machine.state.phase == .finishing)
    }

    // MARK: Turns

    @Test(
        "a poll lasts until the flush is due, 200 ms at most",
        arguments: [
            // Flush interval, time since the last flush, whether something waits, poll time.
            (50, 0, false, 50), (50, 20, true, 30), (5000, 100, true, 200), (50, 50, true, 1), (50, 50, false, 100),
            (50, 80, true, 1),
        ] as [(Int64, Int64, Bool, Int64)])
    func poll(interval: Int64, since: Int64, hasNews: Bool, wait: Int64) throws {
        let machine = try Machine.reading { $0.flushIntervalMilliseconds = interval }
        #expect(
            machine.next(.turn(.began(hasNews: hasNews)), after: since) == [.kafka(.poll(milliseconds: wait))])
    }

    @Test(
        "a flush is written when something waits and the interval is over, or much waits",
        arguments: [
            (99, true, false, false), (100, true, false, true), (100, false, false, false), (0, true, true, true),
            (0, false, true, false),
        ] as [(Int64, Bool, Bool, Bool)])
    func flush(since: Int64, hasNews: Bool, isFull: Bool, isWritten: Bool) throws {
        let machine = try Machine.reading { $0.flushIntervalMilliseconds = 100 }
        let actions = machine.next(.writing(.check(hasNews: hasNews, isFull: isFull)), after: since)
        #expect(actions == (isWritten ? [.state(.flush)] : []))
    }

    @Test("the board and the files have their turn once a second")
    func everySecond() throws {
        let machine = try Machine.reading()
        #expect(machine.next(.turn(.batchTaken), after: 999).isEmpty)
        #expect(
            machine.next(.turn(.batchTaken), after: 1) == [
                .report(.partitions(isPaused: false)), .state(.checkFiles),
            ])
        #expect(machine.next(.turn(.batchTaken)).isEmpty)
    }

    @Test("the topic is asked for again when its time has come")
    func discovery() throws {
        let machine = try Machine.reading()
        #expect(machine.next(.turn(.ended), after: 999).isEmpty)
        let ask = RunAction.kafka(.ask(TopicWatch.Question(assigned: [0])))
        // Earlier than usual, because the first assignment was not made yet.
        #expect(machine.next(.turn(.ended), after: 1) == [ask])
        machine.next(.topic(.found(Machine.found(1), next: [0: NextOffsets(counted: 0, wanted: 0)])))
        #expect(machine.next(.turn(.ended), after: 1999).isEmpty)
        #expect(machine.next(.turn(.ended), after: 1) == [ask])
        // Also after a failed question.
        #expect(
            machine.next(.topic(.failed(Machine.transport))).contains(.report(.kafkaFailed("no broker answered"))))
        #expect(machine.next(.turn(.ended), after: 999).isEmpty)
        #expect(machine.next(.turn(.ended), after: 1) == [ask])
    }

    @Test("a partition's end is an answer, an error of the client a reason to ask soon")
    func notices() throws {
        let machine = try Machine.reading()
        #expect(
            machine.next(.turn(.notice(.endOfPartition(partition: 0, offset: 7)))) == [
                .report(.partitionAnswered(0)), .counting(.setEnd(of: 0, 7)), .counting(.reachEnd(of: 0, 7)),
            ])
        machine.next(.topic(.found(Machine.found(1), next: [0: NextOffsets(counted: 7, wanted: 7)])))
        #expect(
            machine.next(.turn(.notice(.failed(Machine.transport)))) == [
                .report(.kafkaFailed("no broker answered")),
                .warning("Kafka at kafka:9092: no broker answered; trying again"),
            ])
        #expect(machine.next(.turn(.ended), after: 499).isEmpty)
        #expect(machine.next(.turn(.ended), after: 1).count == 1)
        #expect(
            machine.next(.turn(.notice(.partitionFailed(partition: 0, offset: 7, Machine.transport)))) == [
                .report(.partitionFailed(0, Machine.transport.message)),
                .warning(
                    "topic views partition 0: \(Machine.transport.message); trying again", partition: 0, offset: 7),
            ])
    }

    @Test("the limit without brokers begins when all are away, and anything that comes ends it")
    func brokersAway() throws {
        let machine = try Machine.reading {
            $0.exitsAtEnd = true
            $0.unreachableLimitMilliseconds = 5000
        }
        let answers: [TurnEvent] = [.recordsArrived, .notice(.endOfPartition(partition: 0, offset: 7))]
        for answer in answers {
            machine.next(.turn(.notice(.failed(Machine.allDown))))
            machine.next(.turn(.notice(.failed(Machine.allDown))), after: 4000)
            #expect(machine.state.brokers == .unreachable(since: machine.now - 4000))
            machine.next(.turn(answer))
            #expect(machine.state.brokers == .reachable)
            #expect(machine.next(.turn(.batchTaken), after: 5000).errors.isEmpty)
        }
        machine.next(.turn(.notice(.failed(Machine.allDown))))
        #expect(machine.next(.turn(.batchTaken), after: 4999).errors.isEmpty)
        #expect(
            machine.next(.turn(.batchTaken), after: 1).errors == [
                .unreachable(servers: "kafka:9092", reason: "no broker answered", seconds: 5)
            ])
    }

    // MARK: Writing

    @Test("a flush that fails is tried again, ever later; with a stop requested it ends the run")
    func flushFails() throws {
        let machine = try Machine.reading()
        let report = RunAction.report(.flushFailed("no room"))
        let complaint = RunAction.warning("state state.db cannot be written: no room; consuming waits, trying again")
        #expect(
            machine.next(.writing(.failed(reason: "no room"))) == [
                report, complaint, .wait(milliseconds: 200), .state(.flush),
            ])
        #expect(
            machine.next(.writing(.failed(reason: "no room"))) == [
                report, .wait(milliseconds: 400), .state(.flush),
            ])
        #expect(machine.next(.writing(.flushed)) == [.report(.flushed), .kafka(.checkCommit)])
        #expect(machine.next(.writing(.failed(reason: "no room"))).contains(.wait(milliseconds: 200)))
        #expect(
            machine.next(.writing(.failed(reason: "no room")), stop: true) == [
                .fail(.notWritten(path: "state.db", reason: "no room"))
            ])
    }

    @Test("a flush is committed to the group; a commit that fails is told and tried again")
    func commits() throws {
        let machine = try Machine.reading()
        #expect(machine.next(.writing(.commitChecked(nil))).isEmpty)
        machine.next(.writing(.flushed))
        #expect(machine.next(.writing(.commitChecked(nil))) == [.kafka(.commit)])
        machine.next(.writing(.commitSent))
        machine.next(.writing(.flushed))
        #expect(machine.next(.writing(.commitChecked(nil))).isEmpty)
        #expect(machine.next(.writing(.commitChecked(.acknowledged))) == [.kafka(.commit)])
        machine.next(.writing(.commitSent))
        let refusal = Machine.transport
        #expect(
            machine.next(.writing(.commitChecked(.failed(refusal)))) == [
                .warning(
                    "group g: its offsets were not committed: \(refusal.message); lag tools show older ones")
            ])
        #expect(machine.next(.writing(.commitChecked(nil)), after: 199).isEmpty)
        #expect(machine.next(.writing(.commitChecked(nil)), after: 1) == [.kafka(.commit)])
    }
}

extension Machine {
    /// A backoff after this number of failures.
    func retry(_ failures: Int) -> Backoff {
        var retry = Backoff()
        for _ in 0..<failures { _ = retry.next() }
        return retry
    }
}
