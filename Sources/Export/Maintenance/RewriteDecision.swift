// Decides which data files to merge and which to rewrite without their deleted rows, from the table's manifests. Pure.
//
// A day's files are merged when it has enough small ones, when one has too many deletes, or when the day has not
// changed for long. Small files of similar size are merged first, so a row is rewritten a few times in its life and not
// with every merge. The decision never asks to rewrite the result of a plan while nothing else changes.
// Invariants: a plan reads at most the target size, or a single larger file. A file is in at most one group of a plan.

import Tables
import Iceberg
import State

/// Data files that are rewritten to one file.
struct RewriteGroup: Equatable {
    /// The day of their partition, in days since the Unix epoch.
    package let day: Int
    package let specID: Int
    /// The files with their deletes, in the order in which their rows are to be written.
    package let tasks: [ScanTask]
    /// The reason, for people.
    package let reason: String

    package var bytes: Int64 { tasks.reduce(0) { $0 + $1.file.fileSizeBytes } }
}

/// Decides about rewrites.
struct RewriteDecision {
    package let settings: MaintenanceSettings
    /// The table's last sequence number.
    package let lastSequenceNumber: Int64
    /// The table of the files.
    package var table = ExportTable.counts
    /// Partitions are days. If not, a file's column bounds determine its day.
    package var isByDay = true
    /// Treats every day as one that no longer changes: every small or heavy file is rewritten.
    var isThorough = false
    /// Files up to this size count as similar, in bytes. Their deletes wait for their next merge.
    private static let likeBytes: Int64 = 8 << 20
    /// A merge of this many rows needs one more file: files with few rows are merged earlier.
    private static let rowsPerFile: Int64 = 100_000
    /// A merge takes a file of at most this many times the size of all smaller ones together.
    private static let likeFactor: Int64 = 4

    /// The groups to rewrite next in one commit; none when nothing is due.
    /// - Parameter maxGroups: the most groups to return.
    package func plan(_ tasks: [ScanTask], maxGroups: Int = 64) -> [RewriteGroup] {
        let weights = DeleteWeights(tasks)
        var plan: [RewriteGroup] = []
        var bytes: Int64 = 0
        defer {
            assert(
                Set(plan.flatMap { $0.tasks.map(\.file.path) }).count == plan.reduce(0) { $0 + $1.tasks.count },
                "a file is in one group")
            assert(plan.count < 2 || bytes <= settings.targetFileBytes, "groups together read at most the target size")
            assert(
                plan.allSatisfy { $0.tasks.count == 1 || $0.bytes <= settings.targetFileBytes },
                "a group reads at most the target size, or one file")
        }
        for day in days(tasks) {
            for group in groups(day, weights) {
                guard plan.isEmpty || (plan.count < maxGroups && bytes + group.bytes <= settings.targetFileBytes) else {
                    return plan
                }
                plan.append(group)
                bytes += group.bytes
            }
        }
        return plan
    }

    private struct Day {
        let number: Int
        let specID: Int
        /// The files, oldest first.
        var tasks: [ScanTask]
    }

    /// Files by day, newest day first, because readers read it most. Files with rows of several days are skipped.
    private func days(_ tasks: [ScanTask]) -> [Day] {
        var days: [String: Day] = [:]
        for task in tasks {
            guard let number = isByDay ? Self.partitionDay(task.file) : table.day(of: task.file) else { continue }
            days["\(number) \(task.file.specID)", default: Day(number: number, specID: task.file.specID, tasks: [])]
                .tasks.append(task)
        }
        return days.values.map { day in
            var day = day
            day.tasks.sort { ($0.sequenceNumber, $0.file.path) < ($1.sequenceNumber, $1.file.path) }
            return day
        }.sorted { ($0.number, $0.specID) > ($1.number, $1.specID) }
    }

    private static func partitionDay(_ file: DataFile) -> Int? {
        guard case .int(let number)? = file.partition.first ?? nil, file.partition.count == 1 else { return nil }
        return Int(number)
    }

    private func groups(_ day: Day, _ weights: DeleteWeights) -> [RewriteGroup] {
        let isCold = isCold(day)
        let heavy = Set(
            day.tasks.filter { (isCold || $0.file.fileSizeBytes > Self.likeBytes) && isHeavy($0, weights) }
                .map(\.file.path))
        let small = day.tasks.filter { isSmall($0) && !heavy.contains($0.file.path) }
        let chosen: Set<String>
        let reason: String
        if !heavy.isEmpty {
            chosen = heavy.union(small.map(\.file.path))
            reason = "deleted rows in \(heavy.count) of \(day.tasks.count) files"
        } else if let merged = merge(small) {
            chosen = merged
            reason = "\(merged.count) small files"
        } else if isCold, small.count > 1 {
            chosen = Set(small.map(\.file.path))
            reason = "\(small.count) small files"
        } else {
            return []
        }
        return pack(day.tasks.filter { chosen.contains($0.file.path) })
            .filter { $0.count > 1 || $0.contains { heavy.contains($0.file.path) } }
            .map { RewriteGroup(day: day.number, specID: day.specID, tasks: $0, reason: reason) }
    }

    private func isSmall(_ task: ScanTask) -> Bool { task.file.fileSizeBytes < settings.targetFileBytes / 2 }

    private func isHeavy(_ task: ScanTask, _ weights: DeleteWeights) -> Bool {
        guard task.deletionVector != nil || !task.positionDeletes.isEmpty else { return false }
        if task.positionDeletes.count >= settings.deleteFiles { return true }
        // Some engines misread delete files of several data files (docs/adr/0026); earlier versions wrote them.
        if isThorough, task.positionDeletes.contains(where: { $0.singleReferencedPath == nil }) { return true }
        return weights.deletedRows(task) >= settings.deletedShare * Double(task.file.recordCount)
    }

    /// Whether the day's newest file is at least 8 x `smallFiles` commits old, so that no further file is expected.
    private func isCold(_ day: Day) -> Bool {
        if isThorough { return true }
        let newest = day.tasks.map(\.sequenceNumber).max() ?? 0
        return lastSequenceNumber - newest >= Int64(8 * settings.smallFiles)
    }

    /// The small files of similar size to merge; nil when there are too few.
    private func merge(_ small: [ScanTask]) -> Set<String>? {
        var taken: [ScanTask] = []
        var bytes: Int64 = 0
        for task in small.sorted(by: { ($0.file.fileSizeBytes, $0.file.path) < ($1.file.fileSizeBytes, $1.file.path) })
        {
            guard task.file.fileSizeBytes <= max(Self.likeBytes, bytes * Self.likeFactor) else { break }
            taken.append(task)
            bytes += task.file.fileSizeBytes
        }
        if taken.count < settings.smallFiles, small.count >= 4 * settings.smallFiles { taken = small }
        let rows = taken.reduce(0) { $0 + $1.file.recordCount }
        let enough = min(Int64(settings.smallFiles), max(2, 1 + rows / Self.rowsPerFile))
        return taken.count >= enough ? Set(taken.map(\.file.path)) : nil
    }

    /// Splits files into groups of at most the target size or one file, in order.
    private func pack(_ tasks: [ScanTask]) -> [[ScanTask]] {
        var groups: [[ScanTask]] = []
        var bytes: Int64 = 0
        for task in tasks {
            let size = task.file.fileSizeBytes
            if groups.isEmpty || bytes + size > settings.targetFileBytes {
                groups.append([])
                bytes = 0
            }
            groups[groups.count - 1].append(task)
            bytes += size
        }
        return groups
    }
}

/// Estimates the number of deleted rows per data file from manifests. A delete file of several data files counts for
/// each in proportion to the data file's rows.
struct DeleteWeights {
    private var shared: [String: Int64] = [:]

    package init(_ tasks: [ScanTask]) {
        for task in tasks {
            for file in task.positionDeletes where file.singleReferencedPath == nil {
                shared[file.path, default: 0] += task.file.recordCount
            }
        }
    }

    func deletedRows(_ task: ScanTask) -> Double {
        if let vector = task.deletionVector { return Double(vector.recordCount) }
        return task.positionDeletes.reduce(0) { sum, file in
            guard file.singleReferencedPath == nil else { return sum + Double(file.recordCount) }
            let rows = max(1, shared[file.path] ?? 1)
            return sum + Double(file.recordCount) * Double(task.file.recordCount) / Double(rows)
        }
    }
}
