// One process of the service: the product's own parts over the simulated world, each on a fiber.

import Base
import Export
import Foundation
import Iceberg
import Ingest
import Kafka
import Log
import Recovery
import State
import Tables
import Windowing

/// A process, from its start until it ends or is killed.
final class SimProcess: @unchecked Sendable {
    let world: World
    let folder: String
    var isDead = false
    private let stop = StopSignal()
    private var stoppedAt: Int64?
    /// What a dead process believes to have passed since its death.
    private var afterDeath: Int64 = 0
    private(set) var fibers: [Fiber] = []
    private(set) var store: SharedStore?
    let number: Int

    init(_ world: World, folder: String, number: Int) {
        (self.world, self.folder, self.number) = (world, folder, number)
    }

    var statePath: String { folder + "/state.db" }

    var isEnded: Bool { fibers.allSatisfy(\.isEnded) }

    // MARK: Time

    /// The process's clocks and waits.
    var time: TimeSource {
        TimeSource(
            wall: { [self] in world.now + world.wallOffset + afterDeath },
            monotonic: { [self] in world.now + afterDeath },
            pause: { [self] stop, milliseconds in if !stop.wasSet { pause(milliseconds) } })
    }

    /// Lets time pass for the fiber that waits.
    func pause(_ milliseconds: Int64) {
        guard !isDead else {
            afterDeath += max(1, milliseconds)
            // A fiber that was killed in a write has not been told yet, and could wait without end.
            return world.scheduler.point()
        }
        guard let fiber = world.scheduler.current else {
            world.advance(to: world.now + milliseconds)
            return
        }
        fiber.wakeAt = world.now + max(0, milliseconds)
        world.scheduler.point()
    }

    // MARK: Life

    /// Opens the state and starts the services.
    /// - Throws: what opening throws.
    func start() throws {
        let store = SharedStore(
            try Store(path: statePath, settings: world.windows, holder: "process \(number)"))
        self.store = store
        let (generation, partitions) = try store.with { ($0.generation, try $0.progress().partitions) }
        world.shadow.begin(at: generation, partitions)
        let work = ServiceParts(process: self, store: store, stop: stop)
        spawn("ingest") { try work.ingest() }
        spawn("export") { try work.export() }
        spawn("late") { try work.publish(.late, World.lateTopic) }
        if world.publishesRejected { spawn("rejected") { try work.publish(.rejected, World.rejectedTopic) } }
    }

    private func spawn(_ name: String, _ body: @escaping () throws -> Void) {
        let fiber = world.scheduler.spawn("\(name) \(number)", body)
        fibers.append(fiber)
    }

    /// Asks it to end, as SIGTERM does.
    func terminate() {
        stoppedAt = stoppedAt ?? world.now
        stop.set()
        for fiber in fibers { fiber.wakeAt = min(fiber.wakeAt, world.now) }
    }

    /// Milliseconds until publishing has to end.
    func remaining() -> Int64 {
        guard !isDead else { return 0 }
        return stoppedAt.map { max(0, $0 + 2500 - world.now) } ?? 2500
    }

    /// Ends it at once. What its code still does has no effect.
    func die() {
        isDead = true
        stop.set()
        for fiber in fibers {
            fiber.isUnwinding = true
            while !fiber.isEnded { world.scheduler.run(fiber) }
        }
        store = nil
    }
}

/// The parts of the service, as `Commands` wires them.
private struct ServiceParts: @unchecked Sendable {
    let process: SimProcess
    let store: SharedStore
    let stop: StopSignal
    var world: World { process.world }

    private var log: Logger {
        Logger(level: .warning) { [process] event in
            if !process.isDead { process.world.note("\(event.level): \(event.message)") }
        }
    }

    private var exportSettings: ExportSettings { world.exportSettings(state: process.statePath) }

    // MARK: Counting

    func ingest() throws {
        var settings = IngestSettings(
            kafka: [("group.id", "sim")], bootstrapServers: "sim:9092", topic: World.topic,
            statePath: process.statePath, windows: world.windows)
        settings.flushIntervalMilliseconds = world.flushInterval
        settings.skipsMissingOffsets = true
        settings.keepsRejected = world.publishesRejected
        let service = IngestService(
            settings: settings, stop: stop, time: process.time, random: { [world] in world.dice.next() }, log: log)
        let keep = try store.with { Set(try $0.segments(limit: Int(Int32.max)).flatMap(\.fileNames)) }
        let writer = try SegmentWriter(settings: exportSettings, keep: keep) { [world] in world.freshName() }
        let reader = SimReader(process, isCommitted: true, seed: world.dice.next()) { [world, process] in
            world.shadow.delivered($0, $1, $2, now: process.time.wall())
        }
        let source = EventSource(reader: reader, questions: SimQuestions(process), commits: SimCommits(process))
        guard var run = try service.begin(store, raw: SegmentSink(writer), source) else { return }
        while try run.step() { try settle(run) }
        try settle(run)
    }

    /// Tells the shadow of a flush.
    private func settle(_ run: Run) throws {
        guard !process.isDead else { return }
        world.shadow.stepped(
            to: run.countedPositions.reduce(into: [:]) { $0[$1.partition] = $1.offset })
        try store.with { store in
            guard store.generation != world.shadow.generation else { return }
            if let fenced = world.fenced, fenced.process == process.number, store.generation > fenced.generation {
                world.fail("process \(process.number) writes after a second writer has opened its state")
            }
            let partitions = try store.progress().partitions
            world.shadow.settled(store.generation, partitions, known: partitions.map(\.partition))
        }
        world.point("turn")
    }

    // MARK: Exporting

    func export() throws {
        let executor = InlineExecutor()
        let warehouse = try world.warehouse(process)
        let environment = environment
        let exporter = Exporter(
            settings: exportSettings, store: store, warehouse: warehouse, environment: environment)
        while !stop.wasSet {
            process.time.wait(stop, milliseconds: Int64(world.dice.number(200..<3000)))
            try attempt("export") { try executor.run { try await exporter.cycle() } }
            guard world.backfills, world.dice.chance(0.1) else { continue }
            try attempt("backfill") {
                _ = try executor.run { [store, exportSettings] in
                    try await Backfill(
                        settings: exportSettings.tables, store: store, warehouse: warehouse, environment: environment,
                        spoolFolder: exportSettings.spoolFolder
                    ).run(BackfillRequest())
                }
            }
        }
        try attempt("last export") { try executor.run { try await exporter.cycle { false } } }
    }

    /// Failures of an export are retried; those that say that the state is not this process's end it.
    private func attempt(_ what: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as TableError where error.isForeign {
            throw error
        } catch let error as StoreError {
            throw error
        } catch {
            if !process.isDead { world.note("\(what): \(error)") }
        }
    }

    private var environment: WriterEnvironment {
        WriterEnvironment(
            nowMilliseconds: { [process] in process.time.wall() },
            identity: { [world] in .random(nowMilliseconds: world.now, using: &world.dice) },
            uniqueName: { [world] in world.freshName() },
            pause: { [process] duration in
                process.pauseNow(Int64(duration / .milliseconds(1)))
            }, failPoint: { [world] name in world.point(name) }, log: log)
    }

    // MARK: Publishing

    func publish(_ name: OutboxName, _ topic: String) throws {
        var settings = OutboxSettings(
            name: name, topic: topic, kafka: [("bootstrap.servers", "sim:9092")], bootstrapServers: "sim:9092")
        settings.sourceTopic = World.topic
        settings.newTopicPartitions = 2
        _ = try OutboxPublisher(
            settings: settings, store: store, stop: stop, time: process.time,
            cluster: SimOutboxCluster(process: process),
            failPoint: { [world] in world.point($0) }, log: log, remaining: { [process] in process.remaining() }
        ).run()
    }
}

extension SimProcess {
    /// `pause`, from asynchronous code.
    func pauseNow(_ milliseconds: Int64) { pause(milliseconds) }
}

/// Feeds the segment writer.
private final class SegmentSink: RawSink {
    private let writer: SegmentWriter

    init(_ writer: SegmentWriter) { self.writer = writer }

    func append(_ event: RawEvent, now: Int64) throws -> Bool {
        try writer.append(
            userID: event.userID, postcode: event.postcode, webpage: event.webpage,
            time: event.time, partition: event.partition, offset: event.offset,
            isLate: event.isLate, payload: event.payload, now: now)
    }

    func isDue(now: Int64) -> Bool { writer.isDue(now: now) }
    func close(covering offsets: [PartitionID: OffsetSpan]) throws -> Segment? { try writer.close(covering: offsets) }
    func discard() { writer.discard() }
    func isComplete(_ segment: Segment) -> Bool { writer.isComplete(segment) }
    func remove(_ names: [String]) { writer.remove(names) }
    func isFull(backlogBytes: Int64) -> Bool { writer.isFull(backlogBytes: backlogBytes) }
}
