// The judgement as a matrix: a healthy service, and every way in which it is not, one change each.

import Testing

@testable import Store

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

/// One line of the matrix.
struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let codes: [StatusReason.Code]
    let words: String
    let change: @Sendable (inout StatusFacts) -> Void

    init(
        _ name: String, _ codes: [StatusReason.Code], _ words: String = "",
        _ change: @escaping @Sendable (inout StatusFacts) -> Void
    ) {
        (testDescription, self.codes, self.words, self.change) = (name, codes, words, change)
    }
}

private func samples(_ lags: [Int64], every milliseconds: Int64) -> [ServiceHealth.Sample] {
    lags.enumerated().map { index, lag in
        let at = now - Int64(lags.count - 1 - index) * milliseconds
        return .init(at: at, lag: lag, consumed: Int64(index) * 100, late: 0, rejected: 0)
    }
}

private let service: [Case] = [
    Case("nothing is wrong", []) { _ in },
    Case("no state", [.noState], "state.db") { $0.exists = false },
    Case("the state cannot be read", [.state], "locked") { $0.unreadable = "locked" },
    Case("never a service", [.notRunning]) { $0.health = nil },
    Case("the process is gone", [.notRunning], "pid 7") { $0.processExists = false },
    Case("a process of another machine that beats", []) { $0.processExists = nil },
    Case("no beat for 10 s", []) { $0.health?.beatAt = now - 10_000 },
    Case("no beat for longer", [.notRunning], "no sign of life") { $0.health?.beatAt = now - 10_001 },
    Case("stopped", [.notRunning], "was stopped") { $0.health?.phase = .stopped },
    Case("finished, long ago", []) {
        $0.health?.phase = .finished; $0.health?.beatAt = 0; $0.processExists = false
    },
    Case("failed", [.notRunning], "no offsets") {
        $0.health?.phase = .failed; $0.health?.failure = "no offsets"
    },
    Case("the loop stands still", [.hanging], "30 s") { $0.health?.loopAt = now - 30_000 },
    Case("the loop has not begun yet", []) {
        $0.health?.loopAt = now - 30_000; $0.health?.phase = .starting
    },
    Case("Kafka away for a moment", []) { $0.health?.kafka.failed("refused", now - 2999) },
    Case("Kafka away", [.kafka], "kafka:9092") { $0.health?.kafka.failed("refused", now - 3000) },
    Case("no flush for 3 s", [.flush], "the disk is full") {
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
    Case("a stuck partition", [.partition], "partition 0 is stuck at offset 5") {
        $0.health?.partitions[0].stuckSince = now - 6000
    },
    Case("a partition whose leader changes", []) {
        $0.health?.partitions[0].failingSince = now - 3999
        $0.health?.partitions[0].reason = "leader not available"
    },
    Case("a partition that cannot be read", [.partition], "leader") {
        $0.health?.partitions[0].failingSince = now - 4000
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
    Case("a lag that grew for 5 minutes", [.lag], "to 70 records") {
        $0.health?.samples = samples(Array(1...71), every: 5000).map { sample in
            var sample = sample
            sample.lag -= 1
            return sample
        }
    },
    Case("a lag that grew for 4 minutes", []) { $0.health?.samples = samples(Array(1...49), every: 5000) },
    Case("a large lag that shrinks", []) {
        $0.health?.samples = samples((1...71).map { 1_000_000 - $0 }, every: 5000)
    },
    Case("a lag that grew and was caught up with", []) {
        $0.health?.samples = samples(Array(1...70) + [0], every: 5000)
    },
    Case("a few rejected messages", []) { $0.rejected = RejectedFact(count: 19, example: "not JSON") },
    Case("a burst of poison messages", [.rejected], "not JSON") {
        $0.rejected = RejectedFact(count: 20, example: "not JSON")
    },
    Case("many rejected messages that are few of all", []) {
        $0.rejected = RejectedFact(count: 1000, example: "not JSON")
        $0.health?.samples = samples([0, 0], every: 10_000)
    },
    Case("an incident", [.incident], "offsets 1 to 2") {
        $0.incidents = [IncidentFact(at: 0, kind: "missing-offsets", detail: "offsets 1 to 2")]
    },
]

private let exports: [Case] = [
    Case("the warehouse away for a moment", []) { $0.health?.warehouse?.failed("refused", now - 2999) },
    Case("the warehouse away", [.warehouse], "refused") { $0.health?.warehouse?.failed("refused", now - 3000) },
    Case("an export that fails", [.export], "denied") { $0.health?.export?.failed("denied", now - 3000) },
    Case("its incident is not said twice", [.export]) {
        $0.health?.export?.failed("denied", now - 3000)
        $0.incidents = [IncidentFact(at: 0, kind: "export-failed", detail: "denied")]
    },
    Case("nothing to export for long", []) { $0.health?.export?.answeredAt = now - 3_600_000 },
    Case("something to export, not for 3 intervals", []) {
        $0.hasUnexported = true
        $0.health?.export?.answeredAt = now - 179_999
    },
    Case("something to export for 3 intervals", [.export], "nothing was exported since") {
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
    Case("over half the budget", [.backlog], "50 %") { $0.backlogBytes = 501 },
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
        "each fault, and only a fault, is a reason with its code and its words", arguments: service + streams + exports)
    func matrix(_ line: Case) {
        var facts = healthy()
        line.change(&facts)
        let reasons = StatusDecision.reasons(facts)
        #expect(reasons.map(\.code) == line.codes)
        #expect(line.words.isEmpty || reasons.contains { $0.text.contains(line.words) }, "\(reasons)")
        #expect(StatusReport(facts).isHealthy == line.codes.isEmpty)
        #expect(reasons.allSatisfy { !$0.text.contains("\n") })
    }

    @Test("the JSON has every member of the contract, present also without a value")
    func json() {
        let text = StatusReport(StatusFacts(now: now, path: "none.db")).json()
        for member in [
            "\"healthy\":false", "\"reasons\":[", "\"generation\":0", "\"lag\":0", "\"watermark\":null",
            "\"watermark_held_by\":null", "\"backlog\":{", "\"segments\":0", "\"bytes\":0", "\"last_export_at\":null",
            "\"incidents\":[]",
        ] {
            #expect(text.contains(member), "\(member) is missing in \(text)")
        }
    }

    @Test("bytes and times are said as people say them")
    func words() {
        #expect([0, 1023, 1536, 10 << 30].map(StatusDecision.bytes) == ["0 bytes", "1023 bytes", "1.5 KiB", "10 GiB"])
        #expect([5, 61_000, 150_000, 7_200_000].map(StatusDecision.span) == ["5 ms", "61 s", "2 min", "2 h"])
        #expect(isoText(milliseconds: -1) == "1969-12-31T23:59:59Z")
    }
}
