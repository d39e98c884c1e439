// The simulated world of one seed: brokers, store, disk, clock and one process after the other.
//
// Invariant: the same seed and options give the same trace; everything that is chosen is chosen by `dice` or the fault plan.

import Base
import Export
import Foundation
import Kafka
import ObjectStorage
import SQLite
import State
import Tables
import Windowing

/// What is simulated.
package struct SimulationOptions: Sendable {
    /// The seed of everything.
    package var seed: UInt64
    /// Number of the driver's choices before all faults end.
    package var steps = 3000
    /// The kinds of faults that may happen; nil: those that the seed chooses.
    package var only: Set<Fault>?
    /// Where files go; made and removed.
    package var folder: String

    /// Options with defaults.
    package init(seed: UInt64, folder: String) { (self.seed, self.folder) = (seed, folder) }
}

/// How a simulation went.
package struct SimulationResult: Sendable {
    package let seed: UInt64
    /// The violated expectation; nil when there is none.
    package let failure: String?
    package let trace: [String]
    /// How often each fault happened.
    package let faults: [Fault: Int]
    /// A hash of the state at the end.
    package let dump: UInt64
    package let events: Int
    package let processes: Int
    /// It ended early: the state was lost, and `restore` refused the tables, since an incident had told of lost raw rows.
    package let isRefused: Bool
    /// The kinds that were on, and the driver's choices.
    package let kinds: Set<Fault>
    package let steps: Int
}

/// The world.
final class World: @unchecked Sendable {
    static let topic = "views"
    static let lateTopic = "views-late"
    static let rejectedTopic = "views-rejected"
    static let start: Int64 = 1_768_046_400_000
    /// Within this time, in milliseconds, a service asks about its topic and says what it found.
    static let longestQuestion: Int64 = 20_000

    let folder: String
    let scheduler = Scheduler()
    let executor = InlineExecutor()
    let cluster = SimCluster()
    let objects = MemoryStore()
    let faults: FaultPlan
    let windows: WindowSettings
    var dice: Dice
    private var names: Dice
    var shadow: Shadow
    /// When each object was last written, seconds since the Unix epoch.
    var modified: [String: Int64] = [:]
    /// The marks that have to be replicated before an identity can be claimed.
    var marks: [String: [(topic: String, partition: PartitionID, end: KafkaOffset)]] = [:]
    private(set) var now = World.start
    var wallOffset: Int64 = 0
    private(set) var trace: [String] = []
    private(set) var process: SimProcess?
    private(set) var processes = 0
    private(set) var events = 0
    private var disk: SimDisk?
    private var scheduled: [(at: Int64, what: String, act: (World) -> Void)] = []
    private var violation: Violation?
    /// The process was killed in a write; `imageFolder` has what the next one finds.
    private var hasImage = false
    /// The process whose state a second writer has opened, and the generation that it had then.
    var fenced: (process: Int, generation: Generation)?
    /// Tables that another program has set back and has not set forward again.
    var setBack: Set<ExportTable> = []
    /// Partitions whose log was cut since the topic was created.
    var cut: Set<PartitionID> = []
    /// A state was restored: rejected events before it are not in it.
    var isRestored = false
    /// The generation of the last restored state.
    var restoredGeneration: Generation?
    /// The state that was lost last had been restored, and had not exported its counts since.
    var isBetweenLives = false
    /// A state was lost: the topics have what it published.
    var wasLost = false
    /// The topic of the events was created again.
    var wasRecreated = false
    /// Where the last restored state began to read, by partition. Late events before it that the lost state had not
    /// published are lost to the topic (ADR 0009).
    var restoredEnds: [PartitionID: KafkaOffset] = [:]
    /// Kafka has lost events that the raw table does not have: only what was consumed is compared.
    var isLossy = false
    var lacksRawRows = false
    var isRefused = false
    /// Files were taken from the process: it may end because of it.
    private(set) var isDisturbed = false
    let hasCatalogServer: Bool
    let formatVersion: Int
    let flushInterval: Int64
    let backfills: Bool
    let publishesRejected: Bool
    private let options: SimulationOptions

    init(_ options: SimulationOptions) throws {
        self.options = options
        folder = options.folder
        var dice = Dice(seed: options.seed, stream: "world")
        hasCatalogServer = dice.chance(0.5)
        formatVersion = dice.chance(0.5) ? 2 : 3
        flushInterval = [0, 20, 200, 1000][dice.number(0..<4)]
        backfills = dice.chance(0.4)
        publishesRejected = dice.chance(0.5)
        let isIdling = dice.chance(0.3)
        windows = try WindowSettings(
            windowMilliseconds: 60_000, watermarkDelayMilliseconds: 5000,
            allowedLatenessMilliseconds: [0, 60_000, 180_000][dice.number(0..<3)],
            idleTimeoutMilliseconds: isIdling ? 5000 : WindowSettings.longestMilliseconds)
        faults = FaultPlan(seed: options.seed, only: options.only)
        shadow = Shadow(windows, isExact: !isIdling)
        self.dice = dice
        names = Dice(seed: options.seed, stream: "names")
        cluster.create(Self.topic, partitions: self.dice.number(1..<4))
    }

    func exportSettings(state: String) -> ExportSettings {
        var settings = ExportSettings(spoolFolder: "\(state).spool")
        settings.tables.formatVersion = formatVersion
        settings.intervalMilliseconds = 2000
        settings.maintenance.smallFiles = 4
        settings.maintenance.keepSnapshots = 6
        settings.maintenance.mergeManifests = 5
        settings.maintenance.deleteFiles = 4
        return settings
    }

    // MARK: Shared services

    /// A line of the trace.
    func note(_ text: String) {
        let line = "\(now - Self.start) \(scheduler.current?.name ?? "world"): \(text)"
        trace.append(line.replacingOccurrences(of: folder, with: ""))
    }

    /// A point at which the running fiber may be interrupted.
    func point(_ name: String) { scheduler.point() }

    func advance(to moment: Int64) { now = max(now, moment) }

    func freshName() -> String {
        var digits = ""
        for _ in 0..<2 {
            let part = String(names.next(), radix: 16)
            digits += String(repeating: "0", count: 16 - part.count) + part
        }
        return digits
    }

    var isBrokerAway: Bool { now < cluster.awayUntil }

    /// Does something later.
    func later(in milliseconds: Int64, _ what: String, _ act: @escaping (World) -> Void) {
        scheduled.append((now + milliseconds, what, act))
    }

    /// The group's offsets are sent: none is ahead of the state.
    func compareCommit(_ offsets: [PartitionID: KafkaOffset]) {
        guard let partitions = try? process?.store?.with({ try $0.progress().partitions }) else { return }
        for (partition, offset) in offsets {
            let next = partitions.first { $0.partition == partition }?.nextOffset ?? 0
            if offset > next { fail("offset \(offset) of partition \(partition) is committed, the state has \(next)") }
        }
    }

    func fail(_ text: String) { violation = violation ?? Violation(description: text) }

    // MARK: The driver

    /// Runs the world to its end.
    func run() -> SimulationResult {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for step in 0..<options.steps where violation == nil && !isRefused {
                try takeStep()
                if step % 10 == 0, let process, process.store != nil { try checkState(process.statePath) }
            }
            if !isRefused { try comeToRest() }
            if violation == nil, !isRefused { try checkAll() }
            if violation == nil, !isRefused { try checkRestore() }
        } catch {
            fail("\(error)")
        }
        let dump = violation == nil ? process.map { Self.dump($0.statePath) } ?? 0 : 0
        endProcess()
        try? FileManager.default.removeItem(atPath: folder)
        return SimulationResult(
            seed: options.seed, failure: violation?.description, trace: trace, faults: faults.happened, dump: dump,
            events: events, processes: processes, isRefused: isRefused, kinds: faults.kinds, steps: options.steps)
    }

    private func takeStep() throws {
        runScheduled()
        if process == nil { startProcess() }
        let choice = dice.number(0..<100)
        if choice < 8 {
            produce()
        } else if choice < 12 {
            disturb()
        } else {
            try runFiber()
        }
        if let violation { throw violation }
    }

    private func runScheduled() {
        for due in scheduled.filter({ $0.at <= now }) {
            note(due.what)
            due.act(self)
        }
        scheduled.removeAll { $0.at <= now }
    }

    /// Lets one of the fibers that can run go on; when all wait, time passes.
    private func runFiber() throws {
        guard let process else { return advance(to: now + 50) }
        let ready = process.fibers.filter { !$0.isEnded && $0.wakeAt <= now }
        guard !ready.isEmpty else {
            let next = process.fibers.filter { !$0.isEnded }.map(\.wakeAt).min() ?? now + 50
            let event = scheduled.map(\.at).min() ?? .max
            return advance(to: max(now + 1, min(next, event)))
        }
        let fiber = dice.pick(ready)
        scheduler.run(fiber)
        if hasImage { return takeImage() }
        if fiber.isEnded { try ended(fiber, process) }
    }

    private func ended(_ fiber: Fiber, _ process: SimProcess) throws {
        if let failure = fiber.failure {
            note("\(fiber.name) ended: \(failure)")
            if wasLost, isRestoredAfter(failure) { return loseState() }
            guard mayEnd(failure) else { throw Violation(description: "\(fiber.name) ended: \(failure)") }
        }
        process.terminate()
        guard process.isEnded else { return }
        note("process \(process.number) ended")
        endProcess()
    }

    /// Whether an operator restores the state, as the error says: a commit that the lost state had sent has arrived since, or
    /// a table was set forward again.
    private func isRestoredAfter(_ failure: any Error) -> Bool {
        switch failure as? TableError {
        case .fenced, .unknownCommit: true
        default: false
        }
    }

    /// Ends what is left of the process.
    private func endProcess() {
        process?.die()
        disk?.disarm()
        (process, disk) = (nil, nil)
    }

    /// Disk faults and files that were taken away may end a process; nothing else may.
    private func mayEnd(_ failure: any Error) -> Bool {
        if isDisturbed { return true }
        let disks: Set<Fault> = [.diskFull, .writeFails, .syncFails, .shortWrite]
        return !faults.kinds.isDisjoint(with: disks) && !"\(failure)".contains("malformed")
    }

    private func startProcess() {
        processes += 1
        let place = process?.folder ?? "\(folder)/disk"
        try? FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let disk = SimDisk(
            folder: place, faults: faults, seed: dice.next(), note: { [self] in note($0) },
            kill: { [self] in killInWrite() })
        let new = SimProcess(self, folder: place, number: processes)
        disk.arm()
        do {
            // Killed in a write, it has an image.
            process = new
            try new.start()
            isDisturbed = false
            self.disk = disk
            if hasImage { return takeImage() }
            note("process \(processes) starts at generation \(shadow.generation)")
        } catch {
            disk.disarm()
            process = nil
            note("process \(processes) does not start: \(error)")
            if hasImage { process = new }
            if hasImage { return takeImage() }
            if !mayEnd(error) { fail("process \(processes) does not start: \(error)") }
        }
    }

    // MARK: Ends of a process

    /// Kills the process in the middle of a write: what is on the disk now is what the next one finds. The rest of its code
    /// runs on without effect.
    func killInWrite() {
        guard let process, !process.isDead else { return }
        note("kill in a write")
        Self.copy(process.folder, to: imageFolder)
        hasImage = true
        process.isDead = true
    }

    private var imageFolder: String { "\(folder)/image" }

    /// Ends the process without warning, with what is on its disk then.
    func kill(power: Bool) {
        guard let process else { return }
        note(power ? "power cut" : "kill")
        Self.copy(process.folder, to: imageFolder)
        if power { disk?.losePower(in: imageFolder) }
        takeImage()
    }

    private func takeImage() {
        guard let process else { return }
        hasImage = false
        disk?.disarm()
        let copy = imageFolder
        process.die()
        try? FileManager.default.removeItem(atPath: process.folder)
        try? FileManager.default.moveItem(atPath: copy, toPath: process.folder)
        (self.process, disk) = (nil, nil)
    }

    /// What is on the disk; locks and shared memory are not.
    private static func copy(_ from: String, to: String) {
        let manager = FileManager.default
        try? manager.removeItem(atPath: to)
        try? manager.copyItem(atPath: from, toPath: to)
        for name in (try? manager.contentsOfDirectory(atPath: to)) ?? []
        where name.hasSuffix("-shm") || name.hasSuffix(".lock") {
            try? manager.removeItem(atPath: "\(to)/\(name)")
        }
    }

    func terminate() {
        note("asked to end")
        process?.terminate()
    }

    func disturbFiles() { isDisturbed = true }

    // MARK: Events

    private func produce() {
        let count = cluster.topics[Self.topic]?.partitions.count ?? 1
        for _ in 0..<dice.number(1..<25) {
            let entry = entry()
            events += 1
            cluster.change(Self.topic, PartitionID(clamping: dice.number(0..<count))) { log in
                _ = log.append(entry)
                if !faults.strikes(.highWatermarkLags, factor: 3) { log.replicate() }
            }
        }
    }

    private func entry() -> LogEntry {
        let kind = dice.number(0..<100)
        var entry = LogEntry()
        entry.envelope.timestamp = now
        if dice.chance(0.2) { entry.envelope.key = Array("k\(dice.number(0..<5))".utf8) }
        switch kind {
        case 0..<2: entry.value = nil
        case 2..<5: entry.value = Array(dice.pick(["", "{", "[]", "{\"postcode\":1}", "{\"postcode\":\"E1\"}"]).utf8)
        default:
            let age =
                kind < 20
                ? Int64(dice.number(0..<600_000))
                : kind < 22 ? -Int64(dice.number(0..<900_000)) : Int64(dice.number(0..<20_000))
            let event = SimEvent(postcode: "E\(dice.number(1..<12))", time: now - age)
            entry.event = event
            entry.value = Array(
                """
                {"user_id":\(dice.number(1..<90)),"postcode":"\(event.postcode)","webpage":"/p\(dice.number(0..<5))",\
                "timestamp":\(event.time)}
                """.utf8)
        }
        return entry
    }

    // MARK: Rest

    /// Ends all faults and runs until nothing is left to do.
    /// Maximum time in which everything is counted, exported and published, in milliseconds.
    private static let longestRest: Int64 = 1_800_000

    private func comeToRest() throws {
        guard violation == nil else { return }
        note("coming to rest")
        faults.isOn = false
        cluster.awayUntil = 0
        var restedAt: Int64?
        let began = now
        for _ in 0..<60_000 where violation == nil && !isRefused && now - began < Self.longestRest {
            runScheduled()
            settleLogs()
            if process == nil { startProcess() }
            try runFiber()
            guard scheduled.isEmpty, now % 7 == 0, try isAtRest() else { continue }
            // The service asks about its topic once in a while.
            restedAt = restedAt ?? now
            let path = process?.statePath ?? ""
            if try passedOver(path) == nil || now > (restedAt ?? now) + Self.longestQuestion { return }
        }
        if violation == nil, !isRefused { fail("does not come to rest: \(try unrest().joined(separator: "; "))") }
    }

    private func settleLogs() {
        for name in cluster.topics.keys {
            for partition in PartitionID.all(count: cluster.topics[name]?.partitions.count ?? 0) {
                cluster.change(name, partition) { log in
                    log.openTransaction = nil
                    log.replicate()
                }
            }
        }
    }

    private func isAtRest() throws -> Bool { try unrest().isEmpty }

    private func countGeneration(_ path: String) throws -> Generation {
        Generation(
            clamping: try Connection(path: path, mode: .readOnly).integer(
                "SELECT coalesce(max(generation), 0) FROM counts") ?? 0)
    }

    /// What still has to be done.
    private func unrest() throws -> [String] {
        guard let store = process?.store else { return ["no process"] }
        var reasons: [String] = []
        try store.with { store in
            let progress = try store.progress().partitions
            for (index, log) in (cluster.topics[Self.topic]?.partitions ?? []).enumerated() {
                let next = progress.first { $0.partition == PartitionID(clamping: index) }?.nextOffset ?? 0
                if next < log.end { reasons.append("partition \(index) is at \(next) of \(log.end)") }
            }
            for table in ExportTable.allCases {
                if try store.intent(of: table) != nil { reasons.append("a commit to \(table) is open") }
            }
            if try !store.segments(limit: 1).isEmpty { reasons.append("segments wait") }
            let exported = try store.exportProgress(of: .counts).generation
            let counted = try countGeneration(store.path)
            if counted > exported {
                reasons.append("counts wait for export (\(counted), exported \(exported), state \(store.generation))")
            }
            let raw = try store.rawOffsets()
            for progress in progress where !isLossy && raw[progress.partition] ?? 0 < progress.nextOffset {
                reasons.append("raw events of partition \(progress.partition) wait")
            }
            for name in publishesRejected ? [OutboxName.late, .rejected] : [.late] {
                let waiting = try store.unpublishedCount(name)
                if waiting > 0 { reasons.append("\(waiting) \(name) events wait") }
            }
        }
        return reasons
    }
}
