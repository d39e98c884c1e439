// The checks of the counts table against the state.

import Base
import State
import Tables
import Iceberg

extension Proof {
    package struct Counts {
        package let table: ProofTable
        package let reading: CountsReading
        package let pass: CountsPass
    }

    func proveCounts(_ loaded: Loaded?) async throws -> Counts? {
        guard var table = try choose(.counts, loaded), let reader = readers[.counts] else {
            report.checks.append(ProofCheck(unchecked: "counts table", note: "nothing was exported to compare with"))
            return nil
        }
        report.countsSnapshot = table.snapshot?.id
        let ends = table.history.ends
        let isForeign = options.toleratesForeign && table.snapshot?.isOurs == false
        table.isAhead = isForeign || state.partitions.contains { $0.next < ends[$0.number] ?? 0 }
        let reading = CountsReading(
            state: state, table: table, reader: reader, generation: table.generation, seed: seed)
        let pass = options.isQuick ? try await reading.total(at: table.snapshot) : try await reading.compare()
        report.findings += pass.damaged + pass.misplaced.prefix(options.mostNamed)
        report.checks.append(files(table.name, pass.files, pass.damaged))
        if !options.isQuick { report.checks.append(entries(table.name, pass.files, pass.misplaced)) }
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

    package func files(_ name: String, _ files: Int, _ damaged: [String]) -> ProofCheck {
        ProofCheck("\(name): files that can be read", expected: Int64(files), found: Int64(files - damaged.count))
    }

    package func entries(_ name: String, _ files: Int, _ misplaced: [String]) -> ProofCheck {
        ProofCheck(
            "\(name): partition values and bounds that are true of the rows", expected: Int64(files),
            found: Int64(files) - Int64(misplaced.count))
    }

    /// Compares the sum of a snapshot with the offsets up to which it counts.
    private func sum(_ table: ProofTable, _ total: Int64, _ generation: Generation) throws -> ProofCheck {
        let ends = table.history.ends
        var expected: Int64 = 0
        // Offsets without a record that may be below or above the end.
        var slack: Int64 = 0
        for partition in state.partitions {
            guard let end = ends[partition.number] else { continue }
            let late = try state.reader.numberOfRows(in: .late, partition: partition.number, below: end)
            let rejected = try state.reader.numberOfRows(in: .rejected, partition: partition.number, below: end)
            let gap = end >= partition.next ? partition.gap : min(partition.gap, partition.lost(below: end))
            if options.allowsGaps { slack += partition.gap - gap }
            expected = expected.addingOrBound(partition.first.distance(to: end) - late - rejected - gap)
        }
        let (sure, unsure) = try backfilled(generation, isSettled: table.isSettled)
        // The snapshot may have any number of the late events of windows that have changed since their backfill. Its
        // summary has the total.
        let possible = sure...sure + unsure
        let added =
            table.history.backfilled
            ?? min(max(total.subtractingOrBound(expected), possible.lowerBound), possible.upperBound)
        expected = expected.addingOrBound(added)
        expected = min(max(total, expected.subtractingOrBound(slack)), expected)
        return ProofCheck(
            "\(table.name): sum of counts = its offsets - late - rejected + backfilled", "\(expected)", "\(total)",
            total == expected && possible.contains(added),
            note: possible.contains(added)
                ? nil : "the snapshot says that \(added) late events were added, the late log \(sure + unsure)")
    }

    /// The number of backfilled late events that a generation's counts have, and the number that they may have: the
    /// latter's counts have changed since, or were evicted at an unknown time.
    private func backfilled(_ generation: Generation, isSettled: Bool) throws -> (sure: Int64, unsure: Int64) {
        var (sure, unsure): (Int64, Int64) = (0, 0)
        try state.reader.forEachBackfilled { event, _ in
            if event.generation.map({ $0 <= generation }) ?? isSettled { sure += 1 } else { unsure += 1 }
        }
        return (sure, unsure)
    }

    private func addRowChecks(_ table: ProofTable, _ pass: CountsPass, _ generation: Generation) throws {
        let expected = try state.reader.countsUnchanged(since: generation)
        report.checks.append(
            ProofCheck(
                "\(table.name): rows equal to the state's unchanged counts",
                table.isSettled ? "\(expected)" : "\(pass.comparable)", "\(pass.asLocal)",
                pass.asLocal == pass.comparable && (!table.isSettled || pass.asLocal == expected),
                note: pass.evicted > 0 ? "\(pass.evicted) rows have left the state" : nil))
        guard table.isSettled else { return }
        let ledger = try state.reader.numberOfExportedRows()
        report.checks.append(
            ProofCheck(
                "\(table.name): rows equal to what was exported", "\(ledger)", "\(pass.asExported)",
                pass.asExported == ledger && pass.rows - pass.released == ledger,
                note: pass.rows == ledger
                    ? nil : "the table has \(pass.rows) rows, \(pass.released) of them of windows that left the state"))
        report.checks.append(
            ProofCheck("\(table.name): rows where the ledger has them", expected: ledger, found: pass.inPlace))
    }
}
