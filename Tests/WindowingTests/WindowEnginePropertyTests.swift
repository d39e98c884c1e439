// Random streams through the engine and the oracle.

import Base
import TestSupport
import Testing
import Windowing

@Suite("Window engine, random streams")
struct WindowEnginePropertyTests {
    static func randomSettings(_ random: inout SeededRandom) throws -> WindowSettings {
        try WindowSettings(
            windowMilliseconds: [1000, 2000, 60_000][random.below(3)],
            watermarkDelayMilliseconds: [0, 1, 700, 20_000][random.below(4)],
            allowedLatenessMilliseconds: [0, 1, 2500, 60_000][random.below(4)],
            idleTimeoutMilliseconds: [0, 300, 5000][random.below(3)],
            maxFutureSkewMilliseconds: [0, 900, 300_000][random.below(3)])
    }

    /// A time near the clock, sometimes far behind or ahead of it, often at a bound of a window.
    static func randomTime(_ random: inout SeededRandom, now: Int64, window: Int64) -> Int64 {
        let spread = random.oneIn(6) ? 200_000 : 6000
        var time = now - Int64(random.below(spread)) + Int64(random.below(spread / 3))
        if random.oneIn(40) { time += 1_000_000 }
        if random.oneIn(4) { time = time / window * window - Int64(random.below(2)) }
        return max(1, time)
    }

    @Test("decisions, watermark, idleness and finality equal the oracle's at every step")
    func equalsOracle() throws {
        let seed = testSeed(for: "window engine against the oracle")
        for round in 0..<200 {
            var random = SeededRandom(seed: seed &+ UInt64(round))
            let settings = try Self.randomSettings(&random)
            var now = base
            var engine = WindowEngine(settings: settings, now: now)
            var oracle = Oracle(settings)
            var highest = Int64.min
            for step in 0..<300 {
                now += Int64(random.below(400))
                Self.step(&random, settings, now, &engine, &oracle)
                let place: Comment = "seed \(seed), round \(round), step \(step)"
                let watermark = engine.watermark?.milliseconds
                try #require(watermark == oracle.watermark, place)
                try #require(watermark ?? Int64.min >= highest, place)
                highest = watermark ?? Int64.min
                try #require(engine.partitions.map(\.isIdle) == oracle.partitions.map(\.isIdle), place)
                let latest = engine.partitions.map { $0.maxEventTime?.milliseconds }
                try #require(latest == oracle.partitions.map { $0.times.max() }, place)
                try #require(engine.finalBefore(now: now)?.milliseconds == oracle.finalBefore(now: now), place)
            }
        }
    }

    /// Applies one random event to both, and compares their placements.
    static func step(
        _ random: inout SeededRandom, _ settings: WindowSettings, _ now: Int64, _ engine: inout WindowEngine,
        _ oracle: inout Oracle
    ) {
        if oracle.partitions.isEmpty || (oracle.partitions.count < 6 && random.oneIn(30)) {
            engine.addPartition(PartitionID(clamping: oracle.partitions.count), now: now)
            oracle.partitions.append(.init(quietSince: now))
            return
        }
        let partition = random.below(oracle.partitions.count)
        switch random.below(6) {
        case 0:
            engine.reachedEnd(ofPartitionAt: partition, now: now)
            oracle.end(partition: partition, now: now)
        case 1:
            engine.checkIdleness(now: now)
            oracle.tick(now: now)
        default:
            engine.beginBatch(now: now)
            engine.sawRecords(inPartitionAt: partition, now: now)
            oracle.records(partition: partition, now: now)
            for _ in 0..<random.below(5) {
                let time = randomTime(&random, now: now, window: settings.windowMilliseconds)
                // A fraction of a millisecond has no effect.
                let moment = EventTime(rawValue: at(time).rawValue + Int64(random.below(1000)))
                let placement = engine.place(eventTime: moment, inPartitionAt: partition)
                let expected = oracle.event(time, partition: partition, now: now)
                #expect(placement == expected)
            }
        }
    }

    /// The counts and the number of late events of a stream on one partition in batches of these sizes.
    static func run(_ times: [Int64], batches: [Int], _ settings: WindowSettings) -> ([Int64: Int], late: Int) {
        var engine = WindowEngine(settings: settings, now: base)
        engine.addPartition(0, now: base)
        var (counts, late, next) = ([Int64: Int](), 0, 0)
        for size in batches + [times.count] {
            engine.beginBatch(now: base)
            engine.sawRecords(inPartitionAt: 0, now: base)
            for time in times[next..<min(times.count, next + size)] {
                switch engine.place(eventTime: at(time), inPartitionAt: 0) {
                case .counted(let start): counts[start.milliseconds, default: 0] += 1
                case .late: late += 1
                }
            }
            next = min(times.count, next + size)
            engine.checkIdleness(now: base)
        }
        return (counts, late)
    }

    @Test("one partition's counts are the same however its records are batched, and nothing is lost")
    func batchingDoesNotMatter() throws {
        let seed = testSeed(for: "batching on one partition")
        for round in 0..<60 {
            var random = SeededRandom(seed: seed &+ UInt64(round))
            let settings = try Self.randomSettings(&random)
            let times = (0..<500).map { step in
                Self.randomTime(&random, now: base + Int64(step) * 90, window: settings.windowMilliseconds)
            }
            let whole = Self.run(times, batches: [], settings)
            let single = Self.run(times, batches: times.map { _ in 1 }, settings)
            let cut = Self.run(times, batches: (0..<60).map { _ in random.below(20) }, settings)
            let place: Comment = "seed \(seed), round \(round)"
            #expect(whole == single, place)
            #expect(whole == cut, place)
            #expect(whole.0.values.reduce(0, +) + whole.late == times.count, place)
        }
    }

    @Test("any order that stays within delay and allowed lateness gives the counts of the sorted stream")
    func orderWithinLateness() throws {
        let seed = testSeed(for: "order within the lateness")
        for round in 0..<60 {
            var random = SeededRandom(seed: seed &+ UInt64(round))
            let settings = try Self.randomSettings(&random)
            let room = settings.watermarkDelayMilliseconds + settings.allowedLatenessMilliseconds
            let sorted = (0..<500).map { _ in base - 400_000 + Int64(random.below(400_000)) }.sorted()
            let jittered = sorted.map { ($0 + Int64(random.below(Int(room) + 1)), $0) }
                .sorted { $0.0 < $1.0 }.map(\.1)
            var plain: [Int64: Int] = [:]
            for time in sorted { plain[time - time % settings.windowMilliseconds, default: 0] += 1 }
            let place: Comment = "seed \(seed), round \(round)"
            #expect(Self.run(sorted, batches: [], settings) == (plain, 0), place)
            #expect(Self.run(jittered, batches: [7, 100, 3], settings) == (plain, 0), place)
        }
    }

    @Test("a restart from what is stored decides as if there had been none")
    func restart() throws {
        let seed = testSeed(for: "restart of the engine")
        for round in 0..<100 {
            var random = SeededRandom(seed: seed &+ UInt64(round))
            let settings = try Self.randomSettings(&random)
            let steady = EngineUnderTest(settings: settings, now: base)
            for number in 0..<3 { steady.addPartition(PartitionID(clamping: number), now: base) }
            var restarted = EngineUnderTest(steady.engine)
            var latestEnd: Int64 = 0
            for step in 0..<300 {
                let now = base + Int64(step) * 200
                if random.oneIn(20) { restarted = Self.reopened(restarted.engine, latestEnd: latestEnd, now: now) }
                let partition = random.below(3)
                let time = Self.randomTime(&random, now: now, window: settings.windowMilliseconds)
                steady.beginBatch(now: now)
                restarted.beginBatch(now: now)
                let placement = steady.place(eventTime: time, inPartitionAt: partition)
                let place: Comment = "seed \(seed), round \(round), step \(step)"
                try #require(restarted.place(eventTime: time, inPartitionAt: partition) == placement, place)
                try #require(restarted.watermark == steady.watermark, place)
                try #require(restarted.finalBefore(now: now) == steady.finalBefore(now: now), place)
                if case .counted(let start) = placement {
                    latestEnd = max(latestEnd, start.milliseconds + settings.windowMilliseconds)
                }
            }
        }
    }

    /// A new engine from the values that a state stores: the watermark, the largest event times, the latest window.
    static func reopened(_ old: WindowEngine, latestEnd: Int64, now: Int64) -> EngineUnderTest {
        let engine = EngineUnderTest(
            settings: old.settings, watermark: old.watermark?.milliseconds, latestWindowEnd: latestEnd, now: now)
        for partition in old.partitions {
            engine.addPartition(partition.number, maxEventTime: partition.maxEventTime?.milliseconds, now: now)
        }
        return engine
    }

    @Test("after a restart in the quiet, windows become final by the clock up to the latest window stored")
    func restartInTheQuiet() throws {
        let engine = EngineUnderTest(
            settings: try smallSettings(), watermark: base - 1, latestWindowEnd: base + 4000, now: base + 60_000)
        engine.addPartition(0, maxEventTime: base + 3500, now: base + 60_000)
        #expect(engine.finalBefore(now: base + 60_000) == base)
        engine.reachedEnd(ofPartitionAt: 0, now: base + 60_000)
        engine.checkIdleness(now: base + 60_500)
        #expect(engine.finalBefore(now: base + 60_500) == base + 4000)
        #expect(engine.watermark == base - 1)
    }
}
