// Which data files to merge and to free of deletes: a pure decision from what the table's manifests say.
//
// A day's files are merged when enough small ones have come together, when deletes weigh on one, or when the day has
// been left alone for long. Small files of like size are merged with each other first, so a row is rewritten a few
// times over its life and not with every merge. Invariants: a plan reads at most about the target size, or one file; a
// file of a plan is in exactly one group; rewriting a plan's result again is never asked for while nothing else
// changes.

import Tables
import Iceberg
import State

/// Data files that become one.
struct RewriteGroup: Equatable {
    /// The day of their partition.
    package let day: Int
    package let specID: Int
    /// The files with their deletes, in the order in which their rows are to be written.
    package let tasks: [ScanTask]
    /// Why, for people.
    package let reason: String

    package var bytes: Int64 { tasks.reduce(0) { $0 + $1.file.fileSizeBytes } }
}

/// Decides about rewrites.
struct RewriteDecision {
    package let settings: MaintenanceSettings
    /// The table's last sequence number.
    package let lastSequenceNumber: Int64
    /// The table whose files they are.
    package var table = ExportTable.counts
    /// Partitions are days; otherwise the bounds of a file tell its day.
    package var isByDay = true
    /// Every day counts as one that no longer changes: all that is small or heavy is rewritten.
    var isThorough = false
    /// Small files up to this size are all alike, and their deletes wait for their next merge.
    private static let likeBytes: Int64 = 8 << 20
    /// Rows of a merge for each of which one more file must have come: small tables are kept tidier than large ones.
    private static let rowsPerFile: Int64 = 100_000
    /// A merge takes files at most this many times as large as the smaller ones together.
    private static let likeFactor: Int64 = 4

    /// The groups to rewrite next in one commit; none when nothing is due.
    /// - Parameter maxGroups: the most groups to return.
    package func plan(_ tasks: [ScanTask], maxGroups: Int = 64) -> [RewriteGroup] {
        let weights = DeleteWeights(tasks)
        var plan: [RewriteGroup] = []
        defer {
            assert(
                Set(plan.flatMap { $0.tasks.map(\.file.path) }).count == plan.reduce(0) { $0 + $1.tasks.count },
                "a file is in one group")
        }
        var bytes: Int64 = 0
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
        /// Oldest first.
        var tasks: [ScanTask]
    }

    /// Files by day, newest day first: that is where readers look. Files with rows of several days are left alone.
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
        return weights.deletedRows(task) >= settings.deletedShare * Double(task.file.recordCount)
    }

    /// No file came for enough commits: none is expected.
    private func isCold(_ day: Day) -> Bool {
        if isThorough { return true }
        let newest = day.tasks.map(\.sequenceNumber).max() ?? 0
        return lastSequenceNumber - newest >= Int64(8 * settings.smallFiles)
    }

    /// The small files to merge, like with like; nil when there are too few.
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

    /// Into groups of about the target size, in order.
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

/// How many rows of each data file are deleted, as far as manifests tell. A delete file of several data files counts
/// for each in proportion to its rows.
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
