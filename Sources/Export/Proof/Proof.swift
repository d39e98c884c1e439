// Recounts what came in against what is stored and exported.
//
// What is compared at which generation: the state is read in one transaction; the counts table at the snapshot of the last
// commit that this state settled (foreign commits after it included, own newer ones left out), which the ledger's
// `exported` rows describe row by row. A count of the state is held against its row where it has not changed since that
// generation. Raw rows are recounted for the newest snapshot of the counts table whose offsets they cover.
// Invariants: nothing is written, in the state or in the warehouse; memory is bounded by windows and offsets, not by rows.

internal import Bitmaps
internal import Foundation
internal import Iceberg
internal import SQLite
internal import Store

/// One proof.
public final class Proof {
    private let settings: ExportSettings
    private let warehouse: Warehouse?
    private let options: ProofOptions
    private let uniqueName: @Sendable () -> String
    private let seed: UInt64
    private let state: ProofState
    private let folder: String
    private var report = ProofReport()
    private var readers: [ExportTable: TableReader] = [:]

    /// Opens the state for reading.
    /// - Parameters:
    ///   - warehouse: nil: only the state is looked at.
    ///   - folder: where large files of the tables are copied to while they are read; made when it is missing.
    ///   - uniqueName: fresh unique names.
    ///   - seed: fresh randomness.
    /// - Throws: `StoreError`, `SQLiteError`.
    public init(
        statePath: String, settings: ExportSettings, warehouse: Warehouse?, options: ProofOptions, folder: String,
        uniqueName: @escaping @Sendable () -> String, seed: UInt64
    ) throws {
        self.settings = settings
        self.warehouse = warehouse
        self.options = options
        self.folder = folder
        self.uniqueName = uniqueName
        self.seed = seed
        state = try ProofState(path: statePath)
    }

    /// Makes all checks.
    /// - Throws: `ExportError.otherState` when the tables belong to another state; when the warehouse cannot be reached, the
    ///   errors of storage and catalog.
    public func run() async throws -> ProofReport {
        report = ProofReport()
        report.checks = try LocalProof(state: state, allowsGaps: options.allowsGaps).checks()
        guard let warehouse else {
            report.checks.append(
                ProofCheck(unchecked: "tables", note: "no --warehouse: only the state was looked at"))
            return report
        }
        let loaded = try await load(warehouse)
        if let id = options.snapshotID, !loaded.values.contains(where: { $0.metadata.snapshot(id) != nil }) {
            let names = loaded.values.map(\.name).sorted().joined(separator: ", ")
            throw ProofError.noSnapshot(id: id, tables: names.isEmpty ? "the warehouse" : names)
        }
        let counts = try await proveCounts(loaded[.counts])
        try await proveRaw(loaded[.raw], counts)
        return report
    }

    // MARK: Tables

    private struct Loaded {
        let name: String
        let open: TableSession.Open
        var metadata: TableMetadata { open.metadata }
    }

    private func load(_ warehouse: Warehouse) async throws -> [ExportTable: Loaded] {
        var tables: [ExportTable: Loaded] = [:]
        for kind in ExportTable.allCases {
            let identifier = TableIdentifier(namespace: settings.namespace, name: settings.name(of: kind))
            let epoch = try state.meta("epoch.\(kind.rawValue)").flatMap { Int64($0) } ?? 0
            guard let table = try await warehouse.catalog.load(identifier) else {
                if epoch > 0 { report.findings.append("table \(identifier) is no longer in \(warehouse.catalog.name)") }
                continue
            }
            let recorded = table.metadata.properties[Mark.stateID]
            guard recorded == state.stateID, recorded != nil else {
                throw ExportError.otherState(
                    table: identifier.description, recorded: recorded ?? "(none)", ours: state.stateID ?? "(none yet)")
            }
            let io = TableIO(files: try warehouse.files(table))
            let open = TableSession.Open(
                metadata: table.metadata, metadataLocation: table.metadataLocation, io: io)
            if open.epoch < epoch {
                report.findings.append(
                    "table \(identifier) lacks commits of this state (epoch \(open.epoch), exported \(epoch))")
            }
            tables[kind] = Loaded(name: identifier.description, open: open)
            readers[kind] = TableReader(open, spoolFolder: folder, uniqueName: uniqueName)
        }
        return tables
    }

    /// The table at the snapshot that is compared; nil when there is nothing to compare.
    private func choose(_ kind: ExportTable, _ loaded: Loaded?) throws -> ProofTable? {
        guard let loaded else { return nil }
        let metadata = loaded.metadata
        if let id = options.snapshotID, let asked = metadata.snapshot(id) {
            let settled = try state.meta("snapshot.\(kind.rawValue)").flatMap { Int64($0) }
            return ProofTable(
                kind: kind, name: loaded.name, open: loaded.open, snapshot: asked, isSettled: settled == id)
        }
        let progress = try Store.exportProgress(of: kind, state.connection)
        guard progress.generation > 0 else { return nil }
        let settled = try state.meta("snapshot.\(kind.rawValue)").flatMap { Int64($0) }
        let history = metadata.ancestors(of: metadata.currentSnapshotID)
        guard
            let snapshot = SnapshotChoice.choose(
                history: history, settled: settled, generation: progress.generation)
        else {
            report.findings.append(
                "table \(loaded.name) has no snapshot of generation \(progress.generation), the last exported: "
                    + "it has expired, or the table was rolled back")
            return nil
        }
        return ProofTable(kind: kind, name: loaded.name, open: loaded.open, snapshot: snapshot, isSettled: true)
    }

    // MARK: Counts

    private struct Counts {
        let table: ProofTable
        let reading: CountsReading
        let pass: CountsPass
    }

    private func proveCounts(_ loaded: Loaded?) async throws -> Counts? {
        guard var table = try choose(.counts, loaded), let reader = readers[.counts] else {
            report.checks.append(ProofCheck(unchecked: "counts table", note: "nothing was exported to compare with"))
            return nil
        }
        report.countsSnapshot = table.snapshot?.id
        let ends = table.history.ends
        let isForeign = options.toleratesStrangers && table.snapshot?.isOurs == false
        table.isAhead = isForeign || state.partitions.contains { $0.next < ends[$0.number] ?? 0 }
        let reading = CountsReading(
            state: state, table: table, reader: reader, generation: table.generation, seed: seed)
        let pass = options.isQuick ? try await reading.total(at: table.snapshot) : try await reading.compare()
        report.findings += pass.damaged
        report.checks.append(files(table.name, pass.files, pass.damaged))
        report.checks.append(
            table.isAhead
                ? ProofCheck(
                    unchecked: "\(table.name): sum of counts",
                    note: isForeign
                        ? "another writer has changed the table; the next export brings it level"
                        : "the state was restored and has not read again everything that the table counts")
                : try sum(table, pass.total, reading.generation))
        if !options.isQuick { try addRowChecks(table, pass, reading.generation) }
        return Counts(table: table, reading: reading, pass: pass)
    }

    private func files(_ name: String, _ files: Int, _ damaged: [String]) -> ProofCheck {
        ProofCheck("\(name): files that can be read", expected: Int64(files), found: Int64(files - damaged.count))
    }

    /// The sum of a snapshot against the offsets up to which it counts.
    private func sum(_ table: ProofTable, _ total: Int64, _ generation: Int64) throws -> ProofCheck {
        let ends = table.history.ends
        var expected: Int64 = 0
        for partition in state.partitions {
            guard let end = ends[partition.number] else { continue }
            let late = try state.count(of: "late", partition: partition.number, below: end)
            let rejected = try state.count(of: "rejected", partition: partition.number, below: end)
            let gap = end >= partition.next ? partition.gap : min(partition.gap, partition.lost(below: end))
            expected += end - partition.first - late - rejected - gap
        }
        let (sure, unsure) = try backfilled(generation)
        expected += sure
        // A window that was backfilled and has changed since: the snapshot may have it before or after.
        let isEqual = total >= expected && total <= expected + unsure
        return ProofCheck(
            "\(table.name): sum of counts = its offsets - late - rejected + backfilled",
            "\(isEqual ? total : expected)", "\(total)", isEqual)
    }

    private func backfilled(_ generation: Int64) throws -> (sure: Int64, unsure: Int64) {
        let row = try state.connection.prepare(
            """
            SELECT count(*) FILTER (WHERE c.generation IS NULL OR c.generation <= ?1),
              count(*) FILTER (WHERE c.generation > ?1)
            FROM late AS l LEFT JOIN counts AS c ON c.window_start = l.window_start AND c.postcode = l.postcode
            WHERE l.backfilled_at_ms IS NOT NULL
            """)
        try row.bind(generation, at: 1)
        return try row.step() ? (row.int64(0), row.int64(1)) : (0, 0)
    }

    private func addRowChecks(_ table: ProofTable, _ pass: CountsPass, _ generation: Int64) throws {
        let local = try state.connection.prepare("SELECT count(*) FROM counts WHERE generation <= ?1")
        try local.bind(generation, at: 1)
        let expected = try local.step() ? local.int64(0) : 0
        report.checks.append(
            ProofCheck(
                "\(table.name): rows equal to the state's unchanged counts",
                table.isSettled ? "\(expected)" : "\(pass.comparable)", "\(pass.asLocal)",
                pass.asLocal == pass.comparable && (!table.isSettled || pass.asLocal == expected),
                note: pass.evicted > 0 ? "\(pass.evicted) rows have left the state" : nil))
        guard table.isSettled else { return }
        let ledger = try state.connection.integer("SELECT count(*) FROM exported") ?? 0
        report.checks.append(
            ProofCheck(
                "\(table.name): rows equal to what was exported", "\(ledger)", "\(pass.asExported)",
                pass.asExported == ledger && pass.rows - pass.released == ledger,
                note: pass.rows == ledger
                    ? nil : "the table has \(pass.rows) rows, \(pass.released) of them of windows that left the state"))
        report.checks.append(
            ProofCheck("\(table.name): rows where the ledger has them", expected: ledger, found: pass.inPlace))
    }

    // MARK: Raw

    private func proveRaw(_ loaded: Loaded?, _ counts: Counts?) async throws {
        guard let table = try choose(.raw, loaded), let reader = readers[.raw] else {
            report.checks.append(ProofCheck(unchecked: "raw table", note: "nothing was exported to compare with"))
            try await name(counts?.pass.windows ?? [], counts, nil)
            return
        }
        report.rawSnapshot = table.snapshot?.id
        let reach = try RawReach(state: state, table: table)
        if options.isQuick { return try await proveRawQuickly(table, reader, reach) }
        let recounted = try counts.flatMap { try self.recountable($0.table, reach) }
        let pass = RawPass(
            seed: seed, windowSeconds: state.windowSeconds,
            partitions: try reach.partitions(countedEnds: recounted?.ends ?? [:]))
        try await pass.read(table, reader)
        report.findings += pass.damaged
        report.checks.append(files(table.name, pass.files, pass.damaged))
        addRawChecks(table, pass)
        try await recount(counts, recounted, pass)
    }

    private func proveRawQuickly(_ table: ProofTable, _ reader: TableReader, _ reach: RawReach) async throws {
        var rows: Int64 = 0
        do {
            for task in try await reader.tasks(at: table.snapshot, of: .raw) {
                rows += task.file.recordCount - Int64(try await reader.deletes.deleted(task).count)
            }
        } catch  where Damage.isDamage(error) {
            report.findings.append("table \(table.name): \(error)")
        }
        var (least, most): (Int64, Int64) = (0, 0)
        for partition in try reach.partitions(countedEnds: [:]).values {
            most += partition.expected
            least += partition.expected - max(partition.figures.gap, partition.figures.lost(below: partition.to))
        }
        let isExact = state.partitions.allSatisfy { $0.gap == 0 && $0.lost.isEmpty }
        let isEqual = isExact ? rows == most : (least...max(least, most)).contains(rows)
        report.checks.append(
            ProofCheck(
                "\(table.name): rows = valid offsets", "\(isEqual ? rows : most)", "\(rows)", isEqual,
                note: isExact ? nil : "some offsets have no record; the full proof says which"))
    }

    private func addRawChecks(_ table: ProofTable, _ pass: RawPass) {
        if pass.foreign > 0 {
            report.findings.append(
                "table \(table.name): \(pass.foreign) rows of partitions that the state does not have")
        }
        for partition in pass.partitions.values.sorted(by: { $0.figures.number < $1.figures.number }) {
            let name = "\(table.name), partition \(partition.figures.number)"
            let unexplained = partition.findMissing(allowsGaps: options.allowsGaps)
            let distinct = Int64(clamping: partition.seen.count)
            report.checks.append(
                ProofCheck(
                    "\(name): valid offsets to \(partition.to)", expected: distinct + unexplained, found: distinct))
            report.checks.append(ProofCheck("\(name): each once", expected: distinct, found: partition.rows))
            report.checks.append(
                ProofCheck(
                    "\(name): late as in the late log", "\(partition.lateLog.count)", "\(partition.lateRows)",
                    partition.lateEqual == Int64(clamping: partition.lateLog.count)
                        && partition.lateRows == partition.lateEqual))
            report.findings += partition.findings
        }
    }

    // MARK: Recount

    /// The newest snapshot of the counts table whose offsets the raw rows cover.
    private func recountable(_ table: ProofTable, _ reach: RawReach) throws -> (
        snapshot: Snapshot, ends: [Int32: Int64]
    )? {
        let history = table.history
        for (index, snapshot) in history.enumerated()
        where snapshot.addedOffsets != nil || index == 0 && !options.toleratesStrangers {
            let ends = Array(history[index...]).ends
            if try reach.covers(ends) { return (snapshot, ends) }
        }
        return nil
    }

    private func recount(
        _ counts: Counts?, _ recounted: (snapshot: Snapshot, ends: [Int32: Int64])?, _ raw: RawPass
    ) async throws {
        let name = "counts recounted from raw rows, windows equal"
        guard let counts, let recounted else {
            report.checks.append(
                ProofCheck(
                    unchecked: name, note: "no snapshot of the counts has only offsets that are in the raw table"))
            return try await self.name(counts?.pass.windows ?? [], counts, nil)
        }
        let isSame = recounted.snapshot.id == counts.table.snapshot?.id
        let sums = isSame ? counts.pass.sums : try await counts.reading.sums(at: recounted.snapshot).sums
        let generation = recounted.snapshot.generation ?? counts.reading.generation
        let unsure = try addBackfilled(to: raw, generation)
        let differing = WindowSums.differing(sums, raw.sums).filter { !unsure.contains($0) }
        let windows = Int64(sums.count)
        var notes = isSame ? [] : ["at snapshot \(recounted.snapshot.id), the newest that raw rows cover"]
        if !unsure.isEmpty { notes.append("\(unsure.count) windows were backfilled and have changed since: left out") }
        report.checks.append(
            ProofCheck(
                name, "\(windows)", "\(max(0, windows - Int64(differing.count)))", differing.isEmpty,
                note: notes.isEmpty ? nil : notes.joined(separator: "; ")))
        var windowsToName = counts.pass.windows
        if isSame {
            windowsToName.formUnion(differing.prefix(CountsPass.mostWindows))
        } else if !differing.isEmpty {
            try await self.name(
                Set(differing.prefix(CountsPass.mostWindows)), counts, recounted.ends, at: recounted.snapshot)
        }
        try await self.name(windowsToName, counts, isSame ? recounted.ends : nil)
    }

    /// Late events that a backfill has counted.
    /// - Returns: windows of which it is not known whether the generation has them.
    private func addBackfilled(to raw: RawPass, _ generation: Int64) throws -> Set<Int64> {
        let rows = try state.connection.prepare(
            """
            SELECT l.window_start, l.postcode, c.generation FROM late AS l
            LEFT JOIN counts AS c ON c.window_start = l.window_start AND c.postcode = l.postcode
            WHERE l.backfilled_at_ms IS NOT NULL
            """)
        var unsure: Set<Int64> = []
        while try rows.step() {
            let window = rows.int64(0)
            if let changed = rows.optionalInt64(2), changed > generation { unsure.insert(window) }
            rows.withText(1) { raw.sums.add(window: window, postcode: $0, count: 1) }
        }
        return unsure
    }

    // MARK: Names

    /// Names the keys that differ in some windows.
    private func name(
        _ windows: Set<Int64>, _ counts: Counts?, _ rawEnds: [Int32: Int64]?, at snapshot: Snapshot? = nil
    ) async throws {
        guard let counts, !windows.isEmpty else { return }
        let detail = WindowDetail(
            state: state, counts: counts.table, countsReader: readers[.counts], rawReader: readers[.raw],
            snapshot: snapshot ?? counts.table.snapshot, isAtSettled: snapshot == nil,
            generation: counts.reading.generation,
            rawSnapshot: report.rawSnapshot, rawEnds: rawEnds)
        for window in windows.sorted() where report.differences.count < options.mostNamed {
            let room = options.mostNamed - report.differences.count
            report.differences += try await detail.differences(in: window).prefix(room)
        }
    }
}
