// Tests of offsets that Kafka no longer has. The in-process broker keeps about 5 MB per partition and drops the rest.

import Base
import Kafka
import SQLite
import TestSupport
import Testing
import Windowing

@testable import Ingest

@Suite("Missing offsets")
struct MissingOffsetsTests {
    /// Two records that a run has consumed, then enough others for the broker to drop the records after them.
    static func stage() async throws -> (Stage, low: Int64, high: Int64) {
        let stage = try Stage()
        try stage.send((0..<2).map { _ in Array(pageView("E1", at: base).utf8) })
        try await stage.run()
        let large = Array(
            "{\"postcode\":\"E1\",\"timestamp\":\(base),\"a\":\"\(String(repeating: "x", count: 10_000))\"}".utf8)
        try stage.send((0..<900).map { _ in large })
        let consumer = try Consumer(
            settings: [("bootstrap.servers", stage.broker.bootstrapServers), ("group.id", "g")], log: { _ in })
        let range = try consumer.offsets(of: "pageviews", partition: 0, timeoutMilliseconds: 10_000)
        #expect(range.low > 2, "the broker keeps more than these tests send")
        #expect(range.high == 902)
        return (stage, range.low.rawValue, range.high.rawValue)
    }

    @Test("by default the service stops, names the lost range, and changes nothing")
    func stops() async throws {
        let (stage, low, _) = try await Self.stage()
        let before = try stage.query("SELECT * FROM partition_progress")
        let expected = IngestError.missingOffsets(
            topic: "pageviews", partition: 0, from: 2, to: KafkaOffset(rawValue: low))
        await #expect(throws: expected) { try await stage.run() }
        #expect("\(expected)".contains("offsets 2 to \(low - 1)"))
        #expect("\(expected)".contains("--on-missing-offsets skip"))
        #expect(!expected.isForeignState)
        #expect(try stage.query("SELECT * FROM partition_progress") == before)
        #expect(try stage.integer("SELECT count(*) FROM incidents") == 0)
    }

    @Test("told to skip, it records the exact range as an incident, once, and counts the rest")
    func skips() async throws {
        let (stage, low, high) = try await Self.stage()
        for _ in 0..<2 {
            try await stage.run { $0.skipsMissingOffsets = true }
            #expect(
                try stage.query("SELECT kind, detail, resolved_at FROM incidents") == [
                    [
                        .text("missing-offsets"),
                        .text(
                            "topic pageviews partition 0: offsets 2 to \(low - 1) (\(low - 2) in all) were no longer in Kafka "
                                + "and are not counted"), .null,
                    ]
                ])
            #expect(try stage.integer("SELECT sum(count) FROM counts") == 2 + high - low)
            #expect(
                try stage.query("SELECT next_offset, consumed FROM partitions") == [
                    [.integer(high), .integer(2 + high - low)]
                ])
        }
    }

    @Test(
        "offsets that vanish while the service runs are found, recorded exactly, and the rest is counted",
        arguments: [true, false])
    func whileRunning(skips: Bool) async throws {
        let stage = try Stage()
        let small = Array(pageView("E1", at: base).utf8)
        try stage.send([small])
        try await stage.run()
        // A failing flush blocks the service. Its queue holds about 1 MB, so the broker drops records before they are
        // fetched.
        try IngestServiceTests.fault(stage.statePath, on: true)
        try stage.send([small])
        let (stop, lines) = (StopSignal(), LogLines())
        let box = SendableBox(stage)
        let large = Array(
            "{\"postcode\":\"E1\",\"timestamp\":\(base),\"a\":\"\(String(repeating: "x", count: 10_000))\"}".utf8)
        let running: () async throws -> Void = {
            try await stage.run(
                stop, lines: lines,
                {
                    $0.exitsAtEnd = false
                    $0.kafka += [
                        ("queued.min.messages", "100"), ("queued.max.messages.kbytes", "1000"),
                        ("fetch.message.max.bytes", "100000"),
                    ]
                    $0.skipsMissingOffsets = skips
                }
            ) {
                #expect(lines.wait(for: "cannot be written"))
                for _ in 0..<20 { try box.value.send((0..<100).map { _ in large }) }
                try IngestServiceTests.fault(box.value.statePath, on: false)
                // The run that does not skip ends without a stop.
                let deadline = ContinuousClock.now + .seconds(60)
                while skips, ContinuousClock.now < deadline,
                    try box.value.integer("SELECT next_offset FROM partitions") != 2002
                { stop.wait(milliseconds: 20) }
                if skips { stop.set() }
            }
        }
        if skips {
            try await running()
            #expect(try stage.integer("SELECT count(*) FROM incidents") ?? 0 >= 1)
            let consumed = try stage.integer("SELECT sum(consumed) FROM partitions") ?? 0
            #expect(consumed < 2002)
            #expect(try stage.integer("SELECT next_offset FROM partitions") == 2002)
            #expect(try stage.integer("SELECT sum(count) FROM counts") == consumed)
            #expect(try Self.lost(stage) == 2002 - consumed)
        } else {
            await #expect {
                try await running()
            } throws: { error in
                if case IngestError.missingOffsets(_, 0, let from, let to) = error {
                    from >= 2 && to > from
                } else {
                    false
                }
            }
        }
    }

    /// The number of lost offsets in the incidents.
    static func lost(_ stage: Stage) throws -> Int64 {
        try stage.query("SELECT detail FROM incidents").reduce(0) { sum, row in
            guard case .text(let detail) = row[0], let match = detail.firstMatch(of: /\(([0-9]+) in all\)/) else {
                return sum
            }
            return sum + (Int64(match.1) ?? 0)
        }
    }
}
