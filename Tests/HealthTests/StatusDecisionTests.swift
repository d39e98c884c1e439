// The health decision as a matrix: a healthy service, and one change of it for each case.

import Base
import Health
import Testing

@testable import State

private let now: Int64 = 1_700_000_000_000

private func healthy() -> StatusFacts {
    var facts = StatusFacts(now: now, path: "state.db")
    facts.exists = true
    facts.generation = 10
    facts.processExists = true
    var health = ServiceHealth(
        pid: 7, host: "here", version: "1", now: now - 3_600_000, brokers: "kafka:9092", topic: "views",
        settings: HealthSettings(
            flushIntervalMilliseconds: 200, exportIntervalMilliseconds: 60_000, spoolBudgetBytes: 1000))
    (health.beatAt, health.loopAt, health.phase) = (now - 500, now - 900, .running)
    health.export?.answeredAt = now - 30_000
    health.partitions = [.init(partition: 0, nextOffset: 5, highWatermarkOffset: 5)]
    facts.health = health
    return facts
}

/// One case of the matrix.
struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let codes: [StatusReason.Code]
    let words: String
    let advice: String
    let change: @Sendable (inout StatusFacts) -> Void

    init(
        _ name: String, _ codes: [StatusReason.Code], _ words: String = "", advice: String = "",
        _ change: @escaping @Sendable (inout StatusFacts) -> Void
    ) {
        (testDescription, self.codes, self.words, self.advice, self.change) = (name, codes, words, advice, change)
    }
}

private func samples(_ lags: [Int64?], every milliseconds: Int64) -> [ServiceHealth.Sample] {
    lags.enumerated().map { index, lag in
        let at = now - Int64(lags.count - 1 - index) * milliseconds
        return .init(at: at, lag: lag, consumed: Int64(index) * 100, late: 0, rejected: 0)
    }
}

private let service: [Case] = [
    Case("nothing is wrong", []) { _ in },
    Case("no state", [.noState], "state.db", advice: "--state") { $0.exists = false },
    Case("the state cannot be read", [.state], "locked", advice: "permissions") { $0.unreadable = "locked" },
    Case("never a service", [.notRunning], advice: "pageviews ingest") { $0.health = nil },
    Case("the process is gone", [.notRunning], "pid 7") { $0.processExists = false },
    Case("a process of another machine that beats", []) { $0.processExists = nil },
    Case("no beat for 10 s", []) { $0.health?.beatAt = now - 10_000 },
    Case("no beat for longer", [.notRunning], "not reported") { $0.health?.beatAt = now - 10_001 },
    Case("stopped", [.notRunning], "was stopped") { $0.health?.phase = .stopped },
    Case("finished, long ago", []) {
        $0.health?.phase = .finished; $0.health?.beatAt = 0; $0.processExists = false
    },
    Case("failed", [.notRunning], "no offsets") {
        $0.health?.phase = .failed; $0.health?.failure = "no offsets"
    },
    Case("failed at another topic", [.topicChanged], "was deleted and created again", advice: "new --state") {
        $0.health?.phase = .failed
        $0.health?.failure = "the topic was deleted and created again"
        $0.health?.failureCode = StatusReason.Code.topicChanged.rawValue
    },
    Case("the loop stands still", [.hanging], "30 s", advice: "disk") { $0.health?.loopAt = now - 30_000 },
    Case("the loop has not begun yet", []) {
        $0.health?.loopAt = now - 30_000; $0.health?.phase = .starting
    },
    Case("Kafka away for a moment", []) { $0.health?.kafka.failed("refused", now - 2999) },
    Case("Kafka away", [.kafka], "kafka:9092", advice: "--bootstrap-servers") {
        $0.health?.kafka.failed("refused", now - 3000)
    },
    Case("a leader away for a moment", []) { $0.health?.leaders = [leader(silentFor: 4999)] },
    Case(
        "a leader away is named by its address", [.kafka],
        "broker 2 at 10.0.0.9:9092, which leads partitions 0, 3 of topic views, has not answered since",
        advice: "advertised.listeners"
    ) { $0.health?.leaders = [leader(silentFor: 5000)] },
    Case("a leader away says more than Kafka away", [.kafka], "broker 2 at 10.0.0.9:9092") {
        $0.health?.leaders = [leader(silentFor: 5000)]
        $0.health?.kafka.failed("no broker answered", now - 60_000)
    },
    Case("a leader away explains its partitions", [.kafka], "connection refused") {
        $0.health?.leaders = [leader(silentFor: 5000)]
        $0.health?.partitions[0].failingSince = now - 60_000
    },
    Case("a leader that answers", []) {
        $0.health?.leaders = [.init(id: 2, address: "10.0.0.9:9092", partitions: [0])]
    },
    Case("no flush for 3 s", [.flush], "the disk is full", advice: "disk space") {
        $0.health?.unwrittenSince = now - 3000
        $0.health?.unwrittenReason = "the disk is full"
    },
    Case("no flush for 3 intervals of 10 s, not yet", []) {
        $0.health?.settings.flushIntervalMilliseconds = 10_000
        $0.health?.unwrittenSince = now - 29_999
    },
    Case("no flush for 3 intervals of 10 s", [.flush]) {
        $0.health?.settings.flushIntervalMilliseconds = 10_000
        $0.health?.unwrittenSince = now - 30_000
    },
]

private let streams: [Case] = [
    Case("a partition that moves slowly", []) { $0.health?.partitions[0].stuckSince = now - 5999 },
    Case(
        "a stuck partition", [.stuck],
        "partition 0 has been stuck at offset 5 since 2023-11-14T22:13:14Z, with 3 records",
        advice: "pageviews topic views --partition 0 --from 5"
    ) {
        $0.health?.partitions[0].endOffset = 8
        $0.health?.partitions[0].stuckSince = now - 6000
    },
    Case("a partition whose leader changes", []) {
        $0.health?.partitions[0].failingSince = now - 4999
        $0.health?.partitions[0].reason = "leader not available"
    },
    Case("a transaction that is open", []) { $0.health?.partitions[0].transactionSince = now - 59_999 },
    Case(
        "a transaction that hangs", [.transaction], "partition 0 has had an open transaction at offset 5",
        advice: "kafka-transactions.sh --bootstrap-server kafka:9092 abort --topic views --partition 0 --start-offset 5"
    ) {
        $0.health?.partitions[0].endOffset = 5
        $0.health?.partitions[0].highWatermarkOffset = 9
        $0.health?.partitions[0].transactionSince = now - 60_000
    },
    Case("a partition that cannot be read", [.partition], "leader", advice: "rights") {
        $0.health?.partitions[0].failingSince = now - 5000
        $0.health?.partitions[0].reason = "leader not available"
    },
    Case("a stuck partition while the spool is full", []) {
        $0.health?.partitions[0].stuckSince = now - 60_000
        $0.health?.isPaused = true
    },
    Case("a stuck partition while Kafka is away is said once", [.kafka]) {
        $0.health?.partitions[0].stuckSince = now - 60_000
        $0.health?.kafka.failed("refused", now - 60_000)
    },
    Case("a lag that grew for 5 minutes", [.lag], "to 70 records", advice: "processor") {
        $0.health?.samples = samples(Array(0...70), every: 5000)
    },
    Case("a lag that is not known any more", []) {
        $0.health?.samples = samples(Array(0...70) + [nil], every: 5000)
    },
    Case("a lag that grew for 4 minutes", []) { $0.health?.samples = samples(Array(1...49), every: 5000) },
    Case("a large lag that shrinks", []) {
        $0.health?.samples = samples((1...71).map { 1_000_000 - $0 }, every: 5000)
    },
    Case("a lag that grew and was caught up with", []) {
        $0.health?.samples = samples(Array(1...70) + [0], every: 5000)
    },
    Case("a few rejected messages", []) { $0.rejected = RejectedFact(count: 19, example: "not JSON") },
    Case("a burst of poison messages", [.rejected], "not JSON", advice: "rejected_events") {
        $0.rejected = RejectedFact(count: 20, example: "not JSON")
    },
    Case("many rejected messages that are few of all", []) {
        $0.rejected = RejectedFact(count: 1000, example: "not JSON")
        $0.health?.samples = samples([0, 0], every: 10_000)
    },
    Case(
        "an event ahead of the clock", [.futureEvents], "4 since the start, the latest at", advice: "--max-future-skew"
    ) {
        $0.partitions = [progress(counted: 9, maxEventTime: now)]
        $0.health?.partitions[0].future = future(ago: 299_999)
    },
    Case("it names partition and skew", [.futureEvents], "partition 0 has events too far ahead") {
        $0.partitions = [progress(counted: 9, maxEventTime: now)]
        $0.health?.partitions[0].future = future(ago: 0)
    },
    Case("an event ahead of the clock, long ago", []) {
        $0.partitions = [progress(counted: 9, maxEventTime: now)]
        $0.health?.partitions[0].future = future(ago: 300_000)
    },
    Case("no event but such ahead of the clock", [.futureEvents], "holds the watermark") {
        $0.partitions = [progress(counted: 9, maxEventTime: nil)]
    },
    Case("a partition without events", []) { $0.partitions = [progress(counted: 0, maxEventTime: nil)] },
    Case("an incident", [.incident], "offsets 1 to 2", advice: "pageviews resolve missing-offsets") {
        $0.incidents = [OpenIncident(at: 0, kind: "missing-offsets", detail: "offsets 1 to 2")]
    },
]

private func leader(silentFor milliseconds: Int64) -> ServiceHealth.Leader {
    .init(
        id: 2, address: "10.0.0.9:9092", partitions: [0, 3], silentSince: now - milliseconds,
        reason: "connection refused")
}

private func progress(counted: Int64, maxEventTime: Int64?) -> PartitionProgress {
    var progress = PartitionProgress(partition: 0, nextOffset: 5)
    (progress.counted, progress.maxEventTime) = (counted, maxEventTime.map(EventTime.init(milliseconds:)))
    return progress
}

private func future(ago milliseconds: Int64) -> ServiceHealth.FutureEvents {
    .init(count: 4, firstAt: now - 400_000, at: now - milliseconds, eventTime: EventTime(milliseconds: now + 3_600_000))
}

private func contact(failingFor milliseconds: Int64) -> ServiceHealth.Contact {
    var contact = ServiceHealth.Contact()
    contact.failed("topic late: not authorized", now - milliseconds)
    return contact
}

private func contact(answered ago: Int64) -> ServiceHealth.Contact {
    var contact = ServiceHealth.Contact()
    contact.answered(now - ago)
    return contact
}

private let surroundings: [Case] = [
    Case("late events not published for a moment", []) { $0.health?.publishing = ["late": contact(failingFor: 2999)] },
    Case(
        "late events not published", [.lateTopic], "topic late: not authorized; 7 wait",
        advice: "DESCRIBE, READ and WRITE"
    ) {
        $0.health?.publishing = ["late": contact(failingFor: 3000)]
        $0.unpublishedLate = 7
    },
    Case("rejected messages not published", [.rejectedTopic], "rejected messages have not been published since") {
        $0.health?.publishing = ["rejected": contact(failingFor: 3000)]
    },
    Case("not published because Kafka is away is said once", [.kafka]) {
        $0.health?.publishing = ["late": contact(failingFor: 60_000)]
        $0.health?.kafka.failed("refused", now - 60_000)
    },
    Case("a publisher that stands still", [.lateTopic], "7 late events wait and none has been published since") {
        $0.health?.publishing = ["late": contact(answered: 60_000)]
        $0.unpublishedLate = 7
    },
    Case("a publisher with nothing to do", []) { $0.health?.publishing = ["late": contact(answered: 60_000)] },
    Case("late events that nobody is to publish", []) { $0.unpublishedLate = 7 },
    Case(
        "a reader and a large log", [.reader],
        "process 9 has read the state without a pause since 2023-11-14T22:13:10Z",
        advice: "ps 9"
    ) {
        $0.walBytes = (64 << 20) + 1
        $0.health?.see(readers: [9], now: now - 10_000)
    },
    Case("a reader and a log that is not large", []) {
        $0.walBytes = 64 << 20
        $0.health?.see(readers: [9], now: now - 60_000)
    },
    Case("a short reader and a large log", []) {
        $0.walBytes = 300 << 20
        $0.health?.see(readers: [9], now: now - 9_999)
    },
    Case("a large log without readers", []) { $0.walBytes = 300 << 20 },
]

private let exports: [Case] = [
    Case("the warehouse away for a moment", []) { $0.health?.warehouse?.failed("refused", now - 2999) },
    Case("the warehouse away", [.warehouse], "refused", advice: "credentials") {
        $0.health?.warehouse?.failed("refused", now - 3000)
    },
    Case("an export that fails", [.export], "denied", advice: "is retried") {
        $0.health?.export?.failed("denied", now - 3000)
    },
    Case("its incident is not said twice", [.export]) {
        $0.health?.export?.failed("denied", now - 3000)
        $0.incidents = [OpenIncident(at: 0, kind: "export-failed", detail: "denied")]
    },
    Case("nothing to export for long", []) { $0.health?.export?.answeredAt = now - 3_600_000 },
    Case("something to export, not for 3 intervals", []) {
        $0.hasUnexported = true
        $0.health?.export?.answeredAt = now - 179_999
    },
    Case("something to export for 3 intervals", [.export], "nothing was exported since", advice: "--export-interval") {
        $0.hasUnexported = true
        $0.health?.export?.answeredAt = now - 180_000
    },
    Case("never exported, from the start", [.export], "nothing was exported yet") {
        $0.hasUnexported = true
        $0.health?.export?.answeredAt = nil
        $0.health?.startedAt = now - 180_000
    },
    Case("no export is set up", []) {
        $0.hasUnexported = true
        $0.health?.export = nil
        $0.health?.settings.exportIntervalMilliseconds = nil
    },
    Case("half the budget", []) { $0.backlogBytes = 500 },
    Case("over half the budget", [.backlog], "50 %", advice: "--spool-budget") { $0.backlogBytes = 501 },
    Case("over half the budget, and nobody there", [.notRunning, .backlog]) {
        $0.backlogBytes = 501
        $0.processExists = false
    },
    Case("S3 away names what waits", [.warehouse, .backlog], "3 segments of raw events (900 bytes) wait") {
        $0.health?.warehouse?.failed("refused", now - 3000)
        ($0.backlogSegments, $0.backlogBytes) = (3, 900)
    },
]

@Suite("Status: the judgement")
struct StatusDecisionTests {
    @Test(
        "each fault, and only a fault, is a reason with its code, its words and what to do",
        arguments: service + streams + surroundings + exports)
    func matrix(_ line: Case) {
        var facts = healthy()
        line.change(&facts)
        let reasons = StatusDecision.reasons(facts)
        #expect(reasons.map(\.code) == line.codes)
        #expect(line.words.isEmpty || reasons.contains { $0.text.contains(line.words) }, "\(reasons)")
        #expect(line.advice.isEmpty || reasons.contains { $0.advice.contains(line.advice) }, "\(reasons)")
        #expect(reasons.allSatisfy { !$0.advice.isEmpty && !$0.advice.contains("\n") })
        #expect(reasons.allSatisfy { ($0.since ?? 0) <= now })
        #expect(StatusReport(facts).isHealthy == line.codes.isEmpty)
        #expect(reasons.allSatisfy { !$0.text.contains("\n") })
    }

    @Test("the JSON has every member of the contract, present also without a value")
    func json() {
        let text = StatusReport(StatusFacts(now: now, path: "none.db")).json()
        for member in [
            "\"healthy\":false", "\"reasons\":[", "\"generation\":0", "\"lag\":null", "\"code\":\"no-state\"",
            "\"since\":null", "\"advice\":\"", "\"watermark\":null",
            "\"watermark_held_by\":null", "\"backlog\":{", "\"segments\":0", "\"bytes\":0", "\"last_export_at\":null",
            "\"incidents\":[]",
        ] {
            #expect(text.contains(member), "\(member) is missing in \(text)")
        }
    }

    @Test("the lag is known while every partition's end is, and a service asks for it")
    func lag() {
        var facts = healthy()
        facts.partitions = [progress(counted: 5, maxEventTime: now)]
        #expect(facts.lag == nil, "never asked")
        facts.health?.partitions[0].endOffset = 9
        facts.health?.partitions[0].endAt = now - 10_000
        #expect(facts.lag == 4 && facts.lag(of: facts.partitions[0]) == 4)
        facts.health?.partitions[0].highWatermarkOffset = 11
        #expect(facts.lag == 6, "records in an open transaction wait as well")
        facts.health?.partitions[0].endAt = now - 10_001
        #expect(facts.lag == nil, "asked too long ago")
        facts.health?.partitions[0].endAt = now
        facts.health?.phase = .stopped
        #expect(facts.lag == nil && facts.lag(of: facts.partitions[0]) == nil, "nobody asks")
    }
}
