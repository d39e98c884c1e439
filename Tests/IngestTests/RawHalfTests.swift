// Tests of the raw half's offsets beside a log that is not the one that was counted.

import Base
import TestSupport
import Testing
import Windowing

@testable import Ingest
@testable import Kafka
@testable import State

/// A sink that keeps the offsets of its open segment.
private final class OffsetSink: RawSink {
    private(set) var open: [KafkaOffset] = []

    func append(_ event: RawEvent, now: Int64) throws -> Bool {
        open.append(event.offset)
        return true
    }
    func isDue(now: Int64) -> Bool { false }
    func close(covering spans: [PartitionID: OffsetSpan]) throws -> Segment? {
        defer { open = [] }
        return open.isEmpty ? nil : Segment(name: "s", rows: 0, offsets: spans, parquet: [], json: nil)
    }
    func discard() { open = [] }
    func remove(_ names: [String]) {}
    func isComplete(_ segment: Segment) -> Bool { true }
    func isFull(backlogBytes: Int64) -> Bool { false }
}

@Suite("Raw half: other logs")
struct RawHalfTests {
    /// An accumulator whose partition 0 has counted the offsets below `counted`.
    private final class Stage {
        let sink = OffsetSink()
        let half: RawHalf
        private var accumulator: Accumulator

        init(
            counted: KafkaOffset, rawNext: KafkaOffset? = nil, unread: Range<KafkaOffset>? = nil,
            lost: Range<KafkaOffset>? = nil
        ) throws {
            half = RawHalf(
                sink, unread: unread.map { [LostOffsets(partition: 0, offsets: $0)] } ?? [],
                lost: lost.map { [LostOffsets(partition: 0, offsets: $0)] } ?? []
            ) { _, _ in false }
            accumulator = Accumulator(
                engine: WindowEngine(settings: try WindowSettings(), watermark: nil, now: base), finalBefore: nil,
                hashSeed: 1, raw: half)
            accumulator.add(
                PartitionProgress(partition: 0, nextOffset: counted), isNew: false, rawNext: rawNext, now: base)
        }

        func take(_ offsets: Range<Int64>) {
            let bytes = Array(pageView("E1", at: base).utf8)
            bytes.withUnsafeBytes { payload in
                let records = offsets.map {
                    Record(partition: 0, offset: KafkaOffset(rawValue: $0), payload: payload, isTombstone: false)
                }
                records.withUnsafeBufferPointer { accumulator.take($0, now: base) }
            }
        }

        func replace(_ change: LogChange, from: KafkaOffset, to: KafkaOffset, recounted: KafkaOffset? = nil) {
            let unread = UnreadRange(
                topic: "t", partition: 0, change: change, from: from, to: to, recounted: recounted)
            accumulator.forgetLog(of: 0, unread: unread)
        }

        func losses() -> [Range<KafkaOffset>] { half.takeLosses().map(\.offsets) }
        var next: KafkaOffset { accumulator.positions[0].offset }
        var counted: Int64 { accumulator.flush.partitions[0].counted }
        var incidents: [Incident] { accumulator.flush.incidents }
    }

    @Test("after a restart, raw events of an earlier log are not read from the present one, and are lost once")
    func restart() throws {
        let stage = try Stage(counted: 20, rawNext: 5, unread: 0..<20)
        #expect(stage.next == 20)
        #expect(stage.losses() == [5..<20])
        #expect(stage.losses().isEmpty)
        stage.take(0..<23)
        #expect(stage.sink.open == [20, 21, 22])
        // Each restart finds the same; it was recorded before.
        #expect(try Stage(counted: 20, rawNext: 5, unread: 0..<20, lost: 5..<20).losses().isEmpty)
        #expect(try Stage(counted: 20, rawNext: 3, unread: 0..<20, lost: 5..<20).losses() == [3..<5])
    }

    @Test("a segment that is lost after the log was cut is re-read up to the cut, and after what was read before it")
    func lostAfterCut() throws {
        let stage = try Stage(counted: 5)
        stage.take(5..<20)
        stage.replace(.cut(at: 15), from: 15, to: 20)
        #expect(stage.losses().isEmpty, "the open segment has them")
        #expect(stage.next == 20)
        stage.half.rewind()
        #expect(stage.losses() == [15..<20])
        stage.half.resume()
        #expect(stage.next == 5)
        stage.take(5..<22)
        #expect(stage.sink.open == Array(5..<15).map { KafkaOffset(rawValue: $0) } + [20, 21])
        #expect(stage.counted == 17, "nothing is counted twice")
        // The same segment is lost again.
        stage.half.rewind()
        #expect(stage.losses().isEmpty)
    }

    @Test("a log that is replaced while lost events wait to be re-read is not read in their place")
    func replacedWhileRewound() throws {
        let stage = try Stage(counted: 5)
        stage.take(5..<20)
        stage.half.rewind()
        stage.replace(.recreated(old: "a", new: "b"), from: 0, to: 20)
        #expect(stage.losses() == [5..<20])
        stage.half.resume()
        stage.take(0..<22)
        #expect(stage.sink.open == [20, 21])
    }

    @Test("what only a lost state had counted is no loss of raw events")
    func recounted() throws {
        let stage = try Stage(counted: 10, rawNext: 8)
        stage.replace(.shorter(end: 4), from: 4, to: 30, recounted: 10)
        #expect(stage.losses() == [8..<10])
        #expect(stage.next == 30)
        #expect(stage.incidents.map(\.lost) == [LostOffsets(partition: 0, offsets: 4..<30)])
    }

    @Test("a cut at the state's offset loses nothing: what is below it is re-read")
    func nothingUnread() throws {
        let stage = try Stage(counted: 20, rawNext: 5)
        stage.replace(.cut(at: 20), from: 20, to: 20)
        #expect(stage.losses().isEmpty)
        #expect(stage.next == 5)
    }

    @Test("a set of offsets has the offsets that were inserted")
    func ranges() throws {
        var random = SeededRandom(seed: 7)
        let all = (Int64(0)..<40).map(KafkaOffset.init(rawValue:))
        for _ in 0..<300 {
            var (set, other) = (OffsetRanges(), OffsetRanges())
            var (offsets, others) = (Set<KafkaOffset>(), Set<KafkaOffset>())
            for _ in 0..<Int.random(in: 0..<6, using: &random) {
                let from = Int.random(in: 0..<30, using: &random)
                let to = from + Int.random(in: 0..<6, using: &random)
                if Bool.random(using: &random) {
                    set.insert(all[from]..<all[to])
                    offsets.formUnion(all[from..<to])
                } else {
                    other.insert(all[from]..<all[to])
                    others.formUnion(all[from..<to])
                }
            }
            let start = all[Int.random(in: 0..<30, using: &random)]
            #expect(all.filter { set.range(containing: $0) != nil } == all.filter(offsets.contains))
            let parts = set.parts(from: start, notIn: other)
            let found = all.filter { offset in parts.contains { $0.contains(offset) } }
            #expect(found == all.filter { $0 >= start && offsets.contains($0) && !others.contains($0) })
            #expect(parts.allSatisfy { !$0.isEmpty })
        }
    }
}
