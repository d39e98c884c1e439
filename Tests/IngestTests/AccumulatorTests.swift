// Tests of the accumulator: each record has exactly one outcome, and offsets move together with it.

import Base
import TestSupport
import Testing
import Windowing

@testable import Ingest
@testable import Kafka
@testable import State

/// 2021-01-26T12:04:00Z.
let base: Int64 = 1_611_662_640_000

/// The window that starts at these milliseconds since the Unix epoch.
func window(_ milliseconds: Int64) -> WindowStart { WindowStart(seconds: milliseconds / 1000) }

/// An accumulator and the bytes of the records it is given.
final class Feeder {
    private(set) var accumulator: Accumulator

    init(_ settings: WindowSettings, watermark: Int64? = nil, finalBefore: Int64? = nil) {
        accumulator = Accumulator(
            engine: WindowEngine(
                settings: settings, watermark: watermark.map(EventTime.init(milliseconds:)), now: base),
            finalBefore: finalBefore.map(window), hashSeed: 1)
    }

    convenience init() throws { self.init(try WindowSettings()) }

    func add(_ partition: PartitionID, nextOffset: KafkaOffset = 0, isNew: Bool = true) {
        accumulator.add(PartitionProgress(partition: partition, nextOffset: nextOffset), isNew: isNew, now: base)
    }

    func add(_ progress: PartitionProgress) { accumulator.add(progress, isNew: false, now: base) }

    /// The offsets with another record.
    func foreign() -> [KafkaOffset] { accumulator.takeForeign().map(\.offset) }
    func forget(_ partition: PartitionID) { accumulator.forgetLog(of: partition, unread: nil) }

    func take(_ records: [(partition: PartitionID, offset: KafkaOffset, value: [UInt8]?)], now: Int64 = base) {
        let bytes = records.map { record -> UnsafeMutableRawBufferPointer in
            let value = record.value ?? []
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: value.count, alignment: 1)
            copy.copyBytes(from: value)
            return copy
        }
        defer { for buffer in bytes { buffer.deallocate() } }
        let batch = zip(records, bytes).map {
            Record(
                partition: $0.partition, offset: $0.offset, payload: UnsafeRawBufferPointer($1),
                isTombstone: $0.value == nil)
        }
        batch.withUnsafeBufferPointer { accumulator.take($0, now: now) }
    }

    func take(_ partition: PartitionID, _ offset: KafkaOffset, _ text: String, now: Int64 = base) {
        take([(partition, offset, Array(text.utf8))], now: now)
    }

    func reachedEnd(of partition: PartitionID, offset: KafkaOffset, now: Int64 = base) {
        accumulator.reachedEnd(of: partition, offset: offset, now: now)
    }
    func skip(_ partition: PartitionID, to next: KafkaOffset) {
        accumulator.skip(partition: partition, to: next, incident: Incident(kind: "missing-offsets", detail: "lost"))
    }
    func note(highWatermark: KafkaOffset?, of partition: PartitionID) {
        accumulator.note(highWatermark: highWatermark, of: partition)
    }
    func tick(now: Int64) { accumulator.tick(now: now) }
    func currentFlush(now: Int64 = base) -> Flush { accumulator.currentFlush(now: now) }
    func written() { accumulator.written() }

    func progress(_ partition: PartitionID) throws -> PartitionProgress {
        try #require(accumulator.progress(of: partition))
    }

    /// The counts that are not written yet.
    var counts: [String: Int64] {
        var found: [String: Int64] = [:]
        accumulator.flush.counts.forEachSorted { window, postcode, count in
            found["\((window.time.milliseconds - base) / 60_000) \(String(decoding: postcode, as: UTF8.self))"] = count
        }
        return found
    }
}

func pageView(_ postcode: String, at milliseconds: Int64) -> String {
    "{\"postcode\":\"\(postcode)\",\"timestamp\":\(milliseconds)}"
}

@Suite("Accumulator")
struct AccumulatorTests {
    @Test("an event is counted, late or rejected, and moves its partition's offset")
    func kinds() throws {
        let feeder = try Feeder()
        feeder.add(0)
        let day: Int64 = 86_400_000
        let late =
            "{\"postcode\":\"\\u0045 1\",\"user_id\":7,\"webpage\":\"w\\n\",\"timestamp\":\((base - 2 * day) * 1000 + 1)}"
        feeder.take(
            [
                (0, 0, Array(pageView("E1", at: base).utf8)), (0, 1, Array("{}".utf8)), (0, 2, nil), (0, 3, []),
                (0, 4, Array(late.utf8)), (0, 5, Array(pageView("E1", at: base + 59_999).utf8)),
            ], now: base + 5)
        let progress = try feeder.progress(0)
        #expect((progress.counted, progress.late, progress.rejected) == (2, 1, 3))
        #expect(progress.nextOffset == 6)
        #expect(progress.consumed == 6)
        #expect(feeder.counts == ["0 E1": 2])
        let flush = feeder.currentFlush()
        #expect(
            flush.rejected.map { "\($0.partition)/\($0.offset) \($0.reason) @\($0.bytePosition) \($0.excerpt)" } == [
                "0/1 postcode is missing @0 {}", "0/2 tombstone: the message has no value @0 ", "0/3 empty message @0 ",
            ])
        #expect(
            flush.late == [
                LateEvent(
                    partition: 0, offset: 4, userID: 7, postcode: "E 1", webpage: "w\n",
                    eventTime: EventTime(rawValue: (base - 2 * day) * 1000 + 1), windowStart: window(base - 2 * day),
                    latenessMilliseconds: 2 * day - 20_001, receivedAt: base + 5, payload: Array(late.utf8))
            ])
        #expect(flush.partitions.map(\.maxEventTime) == [EventTime(milliseconds: base + 59_999)])
        #expect(flush.watermark == EventTime(milliseconds: base + 59_999 - 20_001))
    }

    @Test("records below the next offset were seen already and are ignored; gaps are passed over")
    func offsets() throws {
        let feeder = try Feeder()
        feeder.add(0, nextOffset: 10)
        for offset: KafkaOffset in [0, 9, 10, 10, 9, 11, 15, 12, 15, 16] {
            feeder.take(0, offset, pageView("E1", at: base))
        }
        #expect(try feeder.progress(0).nextOffset == 17)
        #expect(try feeder.progress(0).counted == 4)
        #expect(feeder.counts == ["0 E1": 4])
    }

    @Test("records of a partition that was not added are ignored")
    func unknownPartition() throws {
        let feeder = try Feeder()
        feeder.add(1)
        let value = Array(pageView("E1", at: base).utf8)
        feeder.take([(0, 0, value), (1, 0, value), (5, 0, value), (-1, 0, value), (1, 1, value), (0, 1, value)])
        #expect(feeder.counts == ["0 E1": 2])
        #expect(feeder.accumulator.progress(of: 0) == nil)
        #expect(feeder.accumulator.progress(of: -1) == nil)
    }

    @Test("an end that lies behind the records is old news")
    func oldEnd() throws {
        let feeder = try Feeder()
        feeder.add(0)
        feeder.take(0, 0, pageView("E1", at: base))
        feeder.reachedEnd(of: 0, offset: 0)
        #expect(!feeder.accumulator.isAtEnd)
        feeder.reachedEnd(of: 0, offset: 1)
        #expect(feeder.accumulator.isAtEnd)
        feeder.take(0, 1, pageView("E1", at: base))
        #expect(!feeder.accumulator.isAtEnd)
        feeder.reachedEnd(of: 3, offset: 0)
    }

    @Test("an end beyond the records moves the offset over what holds no records, and is news to write")
    func gapAtTheEnd() throws {
        let feeder = try Feeder()
        feeder.add(0, isNew: false)
        #expect(!feeder.accumulator.hasNews)
        feeder.take(0, 4, pageView("E1", at: base))
        feeder.written()
        feeder.reachedEnd(of: 0, offset: 6)
        #expect(try feeder.progress(0).nextOffset == 6)
        #expect(try feeder.progress(0).consumed == 1)
        #expect(feeder.accumulator.hasNews)
        #expect(feeder.accumulator.isAtEnd)
        feeder.written()
        feeder.reachedEnd(of: 0, offset: 6)
        #expect(!feeder.accumulator.hasNews)
    }

    @Test("skipped offsets are written with their incident, and not twice")
    func skip() throws {
        let feeder = try Feeder()
        feeder.add(0, isNew: false)
        feeder.skip(0, to: 500)
        #expect(feeder.accumulator.hasNews)
        #expect(feeder.currentFlush().partitions.map(\.nextOffset) == [500])
        #expect(feeder.currentFlush().incidents.count == 1)
        feeder.written()
        #expect(feeder.currentFlush().incidents.isEmpty)
        feeder.take(0, 499, pageView("E1", at: base))
        #expect(try feeder.progress(0).consumed == 0)
    }

    @Test("a flush that was not written keeps its contents; one that was is forgotten, sums and offsets stay")
    func flushing() throws {
        let feeder = try Feeder()
        feeder.add(0)
        feeder.take(0, 0, pageView("E1", at: base))
        feeder.take(0, 1, "x")
        _ = feeder.currentFlush()
        feeder.take(0, 2, pageView("E1", at: base))
        #expect(feeder.counts == ["0 E1": 2])
        #expect(feeder.currentFlush().rejected.count == 1)
        feeder.written()
        #expect(feeder.counts.isEmpty)
        #expect(feeder.currentFlush().rejected.isEmpty)
        #expect(!feeder.accumulator.hasNews)
        feeder.take(0, 3, pageView("E1", at: base))
        #expect(feeder.counts == ["0 E1": 1])
        #expect(try feeder.progress(0).counted == 3)
    }

    @Test("time alone is news when a partition turns idle or a window final, and then no more")
    func ticking() throws {
        let feeder = try Feeder()
        feeder.add(0)
        feeder.take(0, 0, pageView("E1", at: base))
        feeder.reachedEnd(of: 0, offset: 1)
        _ = feeder.currentFlush(now: base)
        feeder.written()
        feeder.tick(now: base + 29_999)
        #expect(!feeder.accumulator.hasNews)
        feeder.tick(now: base + 30_000)
        #expect(feeder.accumulator.hasNews)
        #expect(feeder.currentFlush(now: base + 30_000).partitions.map(\.isIdle) == [true])
        feeder.written()
        // The window before is final by the clock, although it has no counts.
        feeder.tick(now: base + 49_999)
        #expect(!feeder.accumulator.hasNews)
        feeder.tick(now: base + 50_000)
        #expect(feeder.accumulator.hasNews)
        #expect(feeder.currentFlush(now: base + 50_000).finalBefore == window(base))
        feeder.written()
        // [base, base + 60 s) is final by the clock after its end, the delay and the timeout.
        feeder.tick(now: base + 109_999)
        #expect(!feeder.accumulator.hasNews)
        feeder.tick(now: base + 110_000)
        #expect(feeder.accumulator.hasNews)
        #expect(feeder.currentFlush(now: base + 110_000).finalBefore == window(base + 60_000))
        feeder.written()
        feeder.tick(now: base + 10_000_000)
        #expect(!feeder.accumulator.hasNews)
    }

    @Test("it is full when rows take much memory")
    func full() throws {
        let feeder = try Feeder()
        feeder.add(0)
        let junk = [UInt8](repeating: 0x78, count: 1000)
        feeder.take((0..<20_000).map { (0, KafkaOffset(rawValue: Int64($0)), junk) })
        #expect(feeder.accumulator.isFull)
        _ = feeder.currentFlush()
        feeder.written()
        #expect(!feeder.accumulator.isFull)
    }

    @Test("high watermarks are kept for the lag; nothing is forgotten when nothing is known")
    func highWatermarks() throws {
        let feeder = try Feeder()
        feeder.add(0)
        feeder.note(highWatermark: 5, of: 0)
        feeder.note(highWatermark: nil, of: 0)
        feeder.note(highWatermark: 9, of: 4)
        #expect(feeder.currentFlush().partitions.map(\.highWatermarkOffset) == [5])
    }

    @Test(
        "consumed = counted + late + rejected, and equals a naive count, over random streams, redeliveries and flushes")
    func random() throws {
        let seed = testSeed(for: "accumulator")
        for round in 0..<20 {
            var random = SeededRandom(seed: seed &+ UInt64(round))
            let settings = try WindowSettings(
                watermarkDelayMilliseconds: 1000, allowedLatenessMilliseconds: [0, 60_000][random.below(2)])
            let log = Self.log(&random)
            let expected = Self.naive(log, settings)
            let feeder = Feeder(settings)
            feeder.add(0)
            var (total, late, rejected): ([String: Int64], Set<KafkaOffset>, Set<KafkaOffset>) = ([:], [], [])
            func flush() {
                let flush = feeder.currentFlush()
                total.merge(feeder.counts, uniquingKeysWith: +)
                for event in flush.late { #expect(late.insert(event.offset).inserted) }
                for event in flush.rejected { #expect(rejected.insert(event.offset).inserted) }
                feeder.written()
            }
            var next = 0
            while next < log.count {
                // Sometimes the broker repeats records that were already read.
                let from = random.oneIn(4) ? max(0, next - random.below(30)) : next
                let end = min(log.count, next + 1 + random.below(40))
                feeder.take(log[from..<end].map { (0, $0.offset, $0.value) })
                next = end
                if random.oneIn(3) { flush() }
            }
            flush()
            let place: Comment = "seed \(seed), round \(round)"
            #expect(total == expected.counts, place)
            #expect(late == expected.late, place)
            #expect(rejected == expected.rejected, place)
            let progress = try feeder.progress(0)
            #expect(progress.consumed == Int64(log.count), place)
            #expect(progress.counted == total.values.reduce(0, +), place)
            #expect(progress.nextOffset == (log.last?.offset ?? -1) + 1, place)
        }
    }

    struct Entry {
        let offset: KafkaOffset
        let value: [UInt8]?
        /// The event of the record.
        let event: (postcode: String, time: Int64)?
    }

    /// The records of a partition, with gaps between their offsets.
    static func log(_ random: inout SeededRandom) -> [Entry] {
        var offset: KafkaOffset = 0
        return (0..<400).map { step in
            offset = offset + (random.oneIn(10) ? 3 : 1)
            if random.oneIn(8) {
                let junk: [UInt8]? = [nil, [], Array("[]".utf8), Array("{\"postcode\":1}".utf8), [0xFF]][
                    random.below(5)]
                return Entry(offset: offset, value: junk, event: nil)
            }
            let time = base + Int64(step) * 700 - Int64(random.below(random.oneIn(5) ? 200_000 : 3000))
            let postcode = "P\(random.below(5))"
            return Entry(offset: offset, value: Array(pageView(postcode, at: time).utf8), event: (postcode, time))
        }
    }

    static func naive(
        _ log: [Entry], _ settings: WindowSettings
    ) -> (counts: [String: Int64], late: Set<KafkaOffset>, rejected: Set<KafkaOffset>) {
        var (counts, late, rejected): ([String: Int64], Set<KafkaOffset>, Set<KafkaOffset>) = ([:], [], [])
        var largest = Int64.min / 2
        for entry in log {
            guard let event = entry.event else {
                rejected.insert(entry.offset)
                continue
            }
            let window = event.time / 60_000
            if (window + 1) * 60_000 - 1 + settings.allowedLatenessMilliseconds <= largest - 1001 {
                late.insert(entry.offset)
            } else {
                counts["\(window - base / 60_000) \(event.postcode)", default: 0] += 1
            }
            // The clock stands at `base`: an event beyond the skew does not move the watermark.
            if event.time <= base + settings.maxFutureSkewMilliseconds { largest = max(largest, event.time) }
        }
        return (counts, late, rejected)
    }
}

@Suite("Start position and excerpt")
struct SmallDecisionTests {
    @Test("where to read a partition from")
    func startPosition() {
        let range = OffsetRange(low: 10, high: 20)
        #expect(StartPosition.decide(next: nil, range: range) == .read(from: 10))
        #expect(StartPosition.decide(next: 10, range: range) == .read(from: 10))
        #expect(StartPosition.decide(next: 15, range: range) == .read(from: 15))
        #expect(StartPosition.decide(next: 20, range: range) == .read(from: 20))
        #expect(StartPosition.decide(next: 9, range: range) == .lost(from: 9, to: 10))
        #expect(StartPosition.decide(next: 0, range: range) == .lost(from: 0, to: 10))
        #expect(StartPosition.decide(next: 21, range: range) == .beyondEnd(next: 21, end: 20))
        #expect(StartPosition.decide(next: 0, range: OffsetRange(low: 0, high: 0)) == .read(from: 0))
        #expect(StartPosition.decide(next: 5, range: OffsetRange(low: 8, high: 8)) == .lost(from: 5, to: 8))
    }

    func excerpt(_ bytes: [UInt8], _ position: Int) -> String {
        bytes.withUnsafeBytes { Excerpt.of($0, around: position) }
    }

    @Test("an excerpt is printable ASCII on one line, with everything else as escapes")
    func printable() {
        #expect(excerpt([], 0) == "")
        #expect(excerpt(Array("{\"a\":1}".utf8), 3) == "{\"a\":1}")
        #expect(excerpt(Array("a\\b\n\t\u{0}é\u{7F}".utf8), 0) == "a\\\\b\\x0A\\x09\\x00\\xC3\\xA9\\x7F")
        let all = excerpt(Array(0...159), 0)
        #expect(all.utf8.allSatisfy { (0x20...0x7E).contains($0) })
    }

    @Test("of a long message it shows the part around the fault, whatever the position")
    func window() {
        let bytes = (0..<1000).map { UInt8(0x30 + $0 / 100) }
        #expect(excerpt(bytes, 0) == String(repeating: "0", count: 100) + String(repeating: "1", count: 60) + "...")
        #expect(
            excerpt(bytes, 500) == "..." + String(repeating: "4", count: 80) + String(repeating: "5", count: 80) + "..."
        )
        #expect(excerpt(bytes, 1000) == "..." + String(repeating: "8", count: 60) + String(repeating: "9", count: 100))
        for position in [-5, 79, 80, 81, 919, 920, 921, 999, 5000] {
            #expect(excerpt(bytes, position).utf8.count <= 166, "\(position)")
        }
        #expect(
            excerpt(Array(bytes.prefix(160)), 159) == String(repeating: "0", count: 100)
                + String(repeating: "1", count: 60))
    }
}
