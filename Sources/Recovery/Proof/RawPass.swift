// Reads every row of the raw table and finds missing, duplicate and late offsets and the counts of the rows.
//
// Memory is bounded by the windows and about one bit per offset; pages without a missing offset take less.

import Base
import Tables
import TableScan
import Iceberg
import Parquet

/// One partition of the raw table.
final class RawPartition {
    package let figures: ProofPartition
    /// The offsets that raw rows should cover, [from, to).
    package let from: KafkaOffset
    package let to: KafkaOffset
    package let rejected: OffsetSet
    let lateLog: OffsetSet
    /// The end (exclusive) of the rows that are counted.
    let countedEnd: KafkaOffset
    package let seen = OffsetSet()
    package var rows: Int64 = 0
    /// Late rows that are in the late log.
    var lateEqual: Int64 = 0
    package var lateRows: Int64 = 0
    /// The first differences, in words.
    package var findings: [String] = []
    private static let mostFindings = 5

    package init(
        _ figures: ProofPartition, from: KafkaOffset, to: KafkaOffset, countedEnd: KafkaOffset, rejected: OffsetSet,
        lateLog: OffsetSet
    ) {
        self.figures = figures
        self.from = from
        self.to = to
        self.countedEnd = countedEnd
        self.rejected = rejected
        self.lateLog = lateLog
    }

    package func say(_ text: @autoclosure () -> String) {
        if findings.count < Self.mostFindings { findings.append("partition \(figures.number): \(text())") }
    }

    @inline(__always)
    package func take(_ offset: KafkaOffset, isLate: Bool) {
        rows += 1
        guard offset >= from, offset < to else {
            say("raw row of offset \(offset), but the raw table's offsets are \(from) to \(to.previous)")
            return
        }
        guard seen.insert(offset) else {
            say("offset \(offset) is in the raw table twice")
            return
        }
        if rejected.contains(offset) { say("offset \(offset) was rejected, but is in the raw table") }
        if isLate { lateRows += 1 }
        if isLate == lateLog.contains(offset) {
            if isLate { lateEqual += 1 }
        } else {
            say(
                "offset \(offset) is \(isLate ? "" : "not ")late in the raw table, \(isLate ? "not " : "")in the "
                    + "late log")
        }
    }

    /// Number of offsets that should have a row.
    package var expected: Int64 { max(0, from.distance(to: to)) - rejected.count }
    package var missing: Int64 { expected - seen.count }

    private func sayMissing(_ offsets: Range<KafkaOffset>) {
        var offset = offsets.lowerBound
        while offset < offsets.upperBound, findings.count < Self.mostFindings {
            say("offset \(offset) is not in the raw table, and was not rejected")
            offset = offset.next
        }
    }

    /// Reports the first missing offsets that no incident or rejection explains.
    /// - Returns: the number of all such offsets.
    func findMissing(allowsGaps: Bool) -> Int64 {
        guard missing > 0 else { return 0 }
        var found: Int64 = 0
        seen.forEachGap(in: from..<to) { gap in
            // By ranges: a gap may have more offsets than can be visited.
            for part in figures.parts(of: gap) {
                rejected.forEachGap(in: part) { unexplained in
                    found = found.addingOrBound(unexplained.lowerBound.distance(to: unexplained.upperBound))
                    if !allowsGaps { sayMissing(unexplained) }
                    return true
                }
            }
            return true
        }
        // Offsets without a record were never consumed; no other offset may be missing.
        if allowsGaps { return max(0, found - max(0, figures.gap - figures.lost(below: .last))) }
        return found
    }
}

/// The result of a pass over the raw table.
final class RawPass {
    package var sums: WindowSums
    /// The late rows, each by its window, postcode, partition and offset.
    package var late: WindowSums
    package var partitions: [PartitionID: RawPartition]
    package var files = 0
    /// Descriptions of unreadable files.
    package var damaged: [String] = []
    /// Descriptions of files whose manifest entry does not match their rows.
    var misplaced: [String] = []
    /// Number of rows of partitions that the state does not have.
    package var foreign: Int64 = 0
    private let windowSeconds: Int64

    package init(seed: UInt64, windowSeconds: Int64, partitions: [PartitionID: RawPartition]) {
        sums = WindowSums(seed: seed)
        late = WindowSums(seed: seed)
        self.windowSeconds = windowSeconds
        self.partitions = partitions
    }

    package func take(_ batch: RawBatch) {
        let hashes = sums.hashes(of: batch.postcodes)
        let entries = batch.postcodes.entries
        var clock = WindowClock(windowSeconds)
        var current: RawPartition?
        batch.forEachPlace { row, number, offset, time, isLate in
            if current?.figures.number != number { current = partitions[number] }
            guard let partition = current else {
                foreign += 1
                return
            }
            partition.take(offset, isLate: isLate)
            if isLate, offset >= partition.from, offset < partition.to {
                late.add(
                    window: clock.window(of: time),
                    hash: WindowSums.hash(hashes[entries.isEmpty ? row : Int(entries[row])], number, offset), count: 1)
            }
            guard !isLate, offset < partition.countedEnd else { return }
            sums.add(
                window: clock.window(of: time),
                hash: hashes[entries.isEmpty ? row : Int(entries[row])], count: 1)
        }
    }

    /// Reads a snapshot, and describes unreadable files in `damaged`.
    /// - Throws: any error that is not damage of the table.
    package func read(_ table: ProofTable, _ reader: TableReader) async throws {
        do {
            for task in try await reader.tasks(at: table.snapshot, of: RawBatch.self) {
                files += 1
                do {
                    // Reads every page, also of columns that no check compares, because a restore needs them.
                    let file = try await reader.open(task, as: RawBatch.self)
                    var claims = FileClaims(task.file, in: table.metadata)
                    while let batch = try file.next() {
                        claims.note(batch)
                        take(batch)
                    }
                    let faults = claims.faults()
                    if !faults.isEmpty {
                        misplaced.append(
                            "table \(table.name), file \(task.file.path): \(faults.joined(separator: "; "))")
                    }
                } catch  where Damage.isDamage(error) {
                    damaged.append("table \(table.name), file \(task.file.path): \(error)")
                }
            }
        } catch  where Damage.isDamage(error) {
            damaged.append("table \(table.name), snapshot \(table.snapshot?.id ?? 0): \(error)")
        }
    }
}
