// The checks of the raw table against the state, and of the counts against a recount of the raw rows.

import State
import Tables
import TableScan
import Base
import Iceberg

extension Proof {
    func proveRaw(_ loaded: Loaded?, _ counts: Counts?) async throws {
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
        report.findings += pass.damaged + pass.misplaced.prefix(options.mostNamed)
        report.checks.append(files(table.name, pass.files, pass.damaged))
        report.checks.append(entries(table.name, pass.files, pass.misplaced))
        addRawChecks(table, pass)
        try addLateCheck(table, pass)
        try await recount(counts, recounted, pass)
    }

    private func proveRawQuickly(_ table: ProofTable, _ reader: TableReader, _ reach: RawReach) async throws {
        var rows: Int64 = 0
        do {
            for task in try await reader.tasks(at: table.snapshot, of: RawBatch.self) {
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
            let distinct = partition.seen.count
            report.checks.append(
                ProofCheck(
                    "\(name): valid offsets to \(partition.to)", expected: distinct + unexplained, found: distinct))
            report.checks.append(ProofCheck("\(name): each once", expected: distinct, found: partition.rows))
            report.checks.append(
                ProofCheck(
                    "\(name): late as in the late log", "\(partition.lateLog.count)", "\(partition.lateRows)",
                    partition.lateEqual == partition.lateLog.count
                        && partition.lateRows == partition.lateEqual))
            report.findings += partition.findings
        }
    }

    /// Compares every late row with the late log, which a backfill counts from.
    private func addLateCheck(_ table: ProofTable, _ pass: RawPass) throws {
        var log = WindowSums(seed: seed)
        for partition in pass.partitions.values {
            let number = partition.figures.number
            try state.reader.forEachLateEvent(
                partition: number, partition.from..<max(partition.from, partition.to)
            ) { window, postcode, offset in
                let hash = WindowSums.hash(seed, postcode)
                log.add(window: window, hash: WindowSums.hash(hash, number, offset), count: 1)
            }
        }
        let differing = WindowSums.differing(log, pass.late)
        for window in differing.prefix(options.mostNamed) {
            report.findings.append(
                "table \(table.name): late rows of the window at \(UTCText.seconds(window.seconds)) are not those of "
                    + "the late log")
        }
        let windows = Int64(log.count)
        report.checks.append(
            ProofCheck(
                "\(table.name): late rows equal to the late log, windows", "\(windows)",
                "\(max(0, windows - Int64(differing.count)))", differing.isEmpty))
    }

    /// The newest snapshot of the counts table whose offsets are all in the raw table.
    private func recountable(_ table: ProofTable, _ reach: RawReach) throws -> (
        snapshot: Snapshot, ends: [PartitionID: KafkaOffset]
    )? {
        let history = table.history
        if let current = history.first, current.addedOffsets == nil, !options.toleratesForeign,
            try reach.covers(history.ends)
        {
            return (current, history.ends)
        }
        return try history.newestCounted(where: reach.covers)
    }

    private func recount(
        _ counts: Counts?, _ recounted: (snapshot: Snapshot, ends: [PartitionID: KafkaOffset])?, _ raw: RawPass
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
        let history = counts.table.metadata.ancestors(of: recounted.snapshot.id)
        let unsure = try addBackfilled(
            to: raw, generation, history, isLast: isSame && counts.table.isSettled)
        let differing = WindowSums.differing(sums, raw.sums).filter { !unsure.contains($0) }
        let windows = Int64(sums.count)
        var notes = isSame ? [] : ["at snapshot \(recounted.snapshot.id), the newest that raw rows cover"]
        if !unsure.isEmpty { notes.append("\(unsure.count) windows, backfilled and changed since, are not compared") }
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

    /// Adds the late events that a backfill has counted.
    /// - Parameters:
    ///   - history: the recounted snapshot and its ancestors.
    ///   - isLast: the snapshot is the last exported one, which has every count that was evicted from the state.
    /// - Returns: the windows with backfilled events that the snapshot may or may not have.
    private func addBackfilled(
        to raw: RawPass, _ generation: Generation, _ history: [Snapshot], isLast: Bool
    ) throws -> Set<WindowStart> {
        let all = try state.reader.numberOfBackfilled()
        // If the snapshot has none or all of them, nothing is unknown.
        if history.backfilled == 0 { return [] }
        let hasAll = history.backfilled == all
        var unsure: Set<WindowStart> = []
        try state.reader.forEachBackfilled { event, postcode in
            let isSure = event.generation.map { $0 <= generation } ?? isLast
            if !hasAll, !isSure { unsure.insert(event.windowStart) }
            raw.sums.add(window: event.windowStart, postcode: postcode, count: 1)
        }
        return unsure
    }
}
