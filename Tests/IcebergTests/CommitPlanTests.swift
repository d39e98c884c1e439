// What a planned snapshot holds: sequence numbers, statuses, row ids, totals, merges, refusals.
import Iceberg
import Testing

/// A table in memory: plans are applied at once, and their files kept.
struct PlannedTable {
    var metadata: TableMetadata
    var manifests: [ManifestFile] = []
    var files: [String: [UInt8]] = [:]
    var lists: [Int64: [ManifestFile]] = [:]
    private var numbers = Numbers(seed: 7)

    init(_ formatVersion: Int = 2) throws { metadata = try Views.metadata(formatVersion) }

    @discardableResult
    mutating func commit(
        _ policy: ManifestPolicy = ManifestPolicy(), at time: Int64 = 1_700_000_000_000,
        _ edit: (inout ChangeSet) -> Void
    ) throws -> CommitPlan {
        var change = ChangeSet()
        edit(&change)
        let planner = try CommitPlanner(metadata: metadata, parents: manifests, change: change, policy: policy)
        var entries: [String: [ManifestEntry]] = [:]
        for manifest in planner.manifestsToRead() { entries[manifest.path] = try self.entries(of: manifest) }
        let plan = try planner.plan(
            entries: entries, identity: .random(nowMilliseconds: time, using: &numbers))
        for requirement in plan.requirements { #expect(requirement.failure(for: metadata) == nil) }
        for file in plan.files {
            #expect(files[file.path] == nil, "files are never replaced")
            files[file.path] = file.bytes
        }
        metadata = try metadata.applying(plan.updates, nowMilliseconds: time)
        manifests = try ManifestReader.list(files[plan.snapshot.manifestList] ?? [], file: plan.snapshot.manifestList)
        #expect(manifests == plan.manifests)
        lists[plan.snapshot.id] = manifests
        return plan
    }

    func entries(of manifest: ManifestFile) throws -> [ManifestEntry] {
        try ManifestReader.entries(files[manifest.path] ?? [], manifest: manifest, spec: Views.spec)
    }

    /// All entries of the current snapshot.
    var entries: [ManifestEntry] {
        get throws { try manifests.flatMap { try entries(of: $0) } }
    }

    var live: [String: ManifestEntry] {
        get throws {
            Dictionary(uniqueKeysWithValues: try entries.filter(\.isLive).map { ($0.file.key.description, $0) })
        }
    }
}

extension ManifestPolicy {
    /// Merges every small manifest.
    fileprivate static let mergeAll = ManifestPolicy(mergeAbove: 1)
}

@Suite struct CommitPlanTests {
    private let a = Views.dataFile("file:///t/data/a.parquet", rows: 10)
    private let b = Views.dataFile("file:///t/data/b.parquet", day: 19_001, rows: 20)
    private let c = Views.dataFile("file:///t/data/c.parquet", rows: 5)

    @Test func `an append adds one manifest whose files take the commit's sequence number`() throws {
        var table = try PlannedTable()
        let plan = try table.commit { $0.addedDataFiles = [a, b] }
        #expect(plan.snapshot.operation == "append" && plan.snapshot.sequenceNumber == 1)
        #expect(plan.requirements.contains(.refSnapshot(name: "main", nil)))
        let entries = try table.entries
        #expect(entries.map(\.status) == [.added, .added])
        #expect(
            entries.allSatisfy {
                $0.sequenceNumber == 1 && $0.fileSequenceNumber == 1 && $0.snapshotID == plan.snapshot.id
            })
        #expect(entries.map(\.file) == [a, b])
        #expect(table.manifests.count == 1 && table.manifests[0].minSequenceNumber == 1)
        #expect(table.manifests[0].partitions.first?.lowerBound == Literal.int(19_000).binary)
        #expect(table.manifests[0].partitions.first?.upperBound == Literal.int(19_001).binary)
    }

    @Test func `a second append keeps the first manifest as it is`() throws {
        var table = try PlannedTable()
        try table.commit { $0.addedDataFiles = [a] }
        let first = table.manifests
        let plan = try table.commit { $0.addedDataFiles = [b] }
        #expect(table.manifests.count == 2 && table.manifests.contains(first[0]))
        #expect(plan.files.count == 2, "one manifest and the list")
        #expect(try table.live[a.path]?.sequenceNumber == 1)
        #expect(try table.live[b.path]?.sequenceNumber == 2)
    }

    @Test func `totals follow what was added and removed`() throws {
        var table = try PlannedTable()
        try table.commit { $0.addedDataFiles = [a, b] }
        let deletes = Views.positionDeletes("file:///t/data/d.parquet", of: a, rows: 3)
        let upsert = try table.commit {
            $0.addedDataFiles = [c]
            $0.addedDeleteFiles = [deletes]
        }
        #expect(upsert.snapshot.operation == "overwrite")
        let summary = upsert.snapshot.summary
        #expect(summary["added-data-files"] == "1" && summary["added-records"] == "5")
        #expect(summary["added-delete-files"] == "1" && summary["added-position-deletes"] == "3")
        #expect(summary["total-data-files"] == "3" && summary["total-records"] == "35")
        #expect(summary["total-delete-files"] == "1" && summary["total-position-deletes"] == "3")
        let removal = try table.commit { $0.removedDataFiles = [a.path] }
        #expect(removal.snapshot.operation == "delete")
        #expect(removal.snapshot.summary["deleted-records"] == "10")
        #expect(removal.snapshot.summary["total-records"] == "25")
        #expect(removal.snapshot.summary["total-position-deletes"] == "0")
    }

    @Test func `a position-delete file that replaces another leaves one for the data file`() throws {
        var table = try PlannedTable()
        try table.commit { $0.addedDataFiles = [a, b] }
        let first = Views.positionDeletes("file:///t/data/d1.parquet", of: a, rows: 3)
        try table.commit { $0.addedDeleteFiles = [first, Views.positionDeletes("file:///t/data/e.parquet", of: b)] }
        let plan = try table.commit {
            $0.addedDataFiles = [c]
            $0.addedDeleteFiles = [Views.positionDeletes("file:///t/data/d2.parquet", of: a, rows: 5)]
            $0.removedDeleteFiles = [first.key]
        }
        let summary = plan.snapshot.summary
        #expect(summary["added-position-delete-files"] == "1" && summary["removed-position-delete-files"] == "1")
        #expect(summary["total-delete-files"] == "2" && summary["total-position-deletes"] == "6")
        let tasks = try ScanPlanner(metadata: table.metadata).tasks(entries: try table.entries)
        let deletes = Dictionary(
            uniqueKeysWithValues: tasks.map { ($0.file.path, $0.positionDeletes.map(\.path)) })
        #expect(
            deletes == [
                a.path: ["file:///t/data/d2.parquet"], b.path: ["file:///t/data/e.parquet"], c.path: [],
            ])
        let removed = try table.entries.filter { $0.status == .deleted }
        #expect(removed.map(\.file.path) == [first.path] && removed[0].snapshotID == plan.snapshot.id)
    }

    @Test func `deletes that are only of a removed file go with it`() throws {
        var table = try PlannedTable()
        try table.commit { $0.addedDataFiles = [a, b] }
        try table.commit {
            $0.addedDeleteFiles = [
                Views.positionDeletes("file:///t/data/da.parquet", of: a),
                Views.positionDeletes("file:///t/data/db.parquet", of: b),
            ]
        }
        try table.commit { $0.removedDataFiles = [a.path] }
        #expect(try table.live.keys.sorted() == [b.path, "file:///t/data/db.parquet"])
    }

    @Test func `a rewritten manifest keeps the numbers of what stays and says who removed the rest`() throws {
        var table = try PlannedTable()
        let first = try table.commit { $0.addedDataFiles = [a, b] }
        let second = try table.commit {
            $0.removedDataFiles = [a.path]
            $0.addedDataFiles = [c]
            $0.operation = .replace
        }
        let entries = try table.entries
        let removed = try #require(entries.first { $0.file.path == a.path })
        #expect(removed.status == .deleted && removed.snapshotID == second.snapshot.id && removed.sequenceNumber == 1)
        let kept = try #require(entries.first { $0.file.path == b.path })
        #expect(kept.status == .existing && kept.snapshotID == first.snapshot.id && kept.sequenceNumber == 1)
        #expect(kept.fileSequenceNumber == 1)
        #expect(second.snapshot.operation == "replace")
    }

    @Test func `a manifest that has only removed files is dropped by the next commit`() throws {
        var table = try PlannedTable()
        try table.commit { $0.addedDataFiles = [a] }
        try table.commit { $0.removedDataFiles = [a.path] }
        #expect(table.manifests.count == 1)
        try table.commit { $0.addedDataFiles = [b] }
        #expect(try table.entries.map(\.file.path) == [b.path])
    }

    @Test func `a manifest that is said to be empty and is not is never left behind`() throws {
        var table = try PlannedTable()
        try table.commit { $0.addedDataFiles = [a] }
        (table.manifests[0].addedFilesCount, table.manifests[0].existingFilesCount) = (0, 0)
        let path = table.manifests[0].path
        for policy in [ManifestPolicy(), .mergeAll] {
            #expect {
                try table.commit(policy) { $0.addedDataFiles = [b] }
            } throws: { error in
                (error as? IcebergError)?.description.hasPrefix("\(path): the manifest list says that it has no live")
                    == true
            }
        }
    }

    @Test func `a file that is listed twice is never merged twice`() throws {
        var table = try PlannedTable()
        for file in [a, c, a] { try table.commit { $0.addedDataFiles = [file] } }
        #expect {
            try table.commit(.mergeAll) { $0.addedDataFiles = [b] }
        } throws: { ($0 as? IcebergError)?.description.contains("\(a.path): is listed twice") == true }
    }

    @Test func `manifests are merged when there would be too many, and nothing is lost`() throws {
        var table = try PlannedTable()
        for number in 0..<25 {
            try table.commit(ManifestPolicy(mergeAbove: 5)) {
                $0.addedDataFiles = [Views.dataFile("file:///t/data/\(number).parquet", day: 19_000 + Int32(number))]
            }
            #expect(table.manifests.count <= 6)
        }
        let live = try table.live
        #expect(live.count == 25)
        for number in 0..<25 { #expect(live["file:///t/data/\(number).parquet"]?.sequenceNumber == Int64(number + 1)) }
        #expect(table.metadata.currentSnapshot?.summary["total-data-files"] == "25")
    }

    @Test func `a merge removes what the same commit removes`() throws {
        var table = try PlannedTable()
        for file in [a, b, c] { try table.commit { $0.addedDataFiles = [file] } }
        try table.commit(.mergeAll) { $0.removedDataFiles = [b.path] }
        #expect(table.manifests.count == 1)
        #expect(try table.live.keys.sorted() == [a.path, c.path])
    }

    @Test func `row ids are given once and stay with their rows, through merges and removals`() throws {
        var table = try PlannedTable(3)
        try table.commit { $0.addedDataFiles = [a, b] }
        try table.commit { $0.addedDataFiles = [c] }
        #expect(table.metadata.nextRowID == 35)
        #expect(try table.live.mapValues(\.file.firstRowID) == [a.path: 0, b.path: 10, c.path: 30])
        try table.commit(.mergeAll) { $0.removedDataFiles = [a.path] }
        #expect(try table.live.mapValues(\.file.firstRowID) == [b.path: 10, c.path: 30])
        let next = try #require(table.metadata.nextRowID)
        #expect(next >= 35)
        try table.commit { $0.addedDataFiles = [Views.dataFile("file:///t/data/e.parquet")] }
        #expect(try table.live["file:///t/data/e.parquet"]?.file.firstRowID == next)
    }

    @Test func `a table that was upgraded gives its old files row ids with the next commit`() throws {
        var table = try PlannedTable(2)
        try table.commit { $0.addedDataFiles = [a] }
        table.metadata = try table.metadata.applying([.upgradeFormatVersion(3)], nowMilliseconds: 0)
        try table.commit { $0.addedDataFiles = [b] }
        let ids = try table.live.values.map { ($0.file.firstRowID ?? -1, $0.file.recordCount) }.sorted { $0.0 < $1.0 }
        #expect(ids.first?.0 == 0 && ids.last?.0 == ids.first?.1)
        #expect(table.metadata.nextRowID == 30)
    }

    @Test func `a deletion vector replaces the one before, and two at once are refused`() throws {
        var table = try PlannedTable(3)
        try table.commit { $0.addedDataFiles = [a] }
        func vector(_ name: String, _ positions: [UInt64]) -> DataFile {
            var writer = PuffinWriter()
            let blob = writer.append(DeletionVector(positions), of: a.path)
            return .deletionVector(
                path: "file:///t/data/\(name).puffin", fileSizeBytes: 500, blob: blob,
                cardinality: Int64(positions.count), of: a)
        }
        let first = vector("1", [1])
        try table.commit { $0.addedDeleteFiles = [first] }
        let second = vector("2", [1, 2])
        let error = #expect(throws: IcebergError.self) { try table.commit { $0.addedDeleteFiles = [second] } }
        #expect(error?.subject == a.path)
        let plan = try table.commit {
            $0.addedDeleteFiles = [second]
            $0.removedDeleteFiles = [first.key]
        }
        #expect(try table.live.values.filter { $0.file.isDeletionVector }.map(\.file) == [second])
        #expect(plan.snapshot.summary["added-dvs"] == "1" && plan.snapshot.summary["removed-dvs"] == "1")
        #expect(plan.snapshot.summary["total-position-deletes"] == "2")
    }

    @Test func `what cannot be committed is refused before anything is written`() throws {
        var v2 = try PlannedTable(2)
        var v3 = try PlannedTable(3)
        var equality = a
        equality.content = .equalityDeletes
        #expect(throws: IcebergError.self) { try v2.commit { $0.addedDeleteFiles = [equality] } }
        #expect(throws: IcebergError.self) { try v2.commit { $0.addedDataFiles = [equality] } }
        let deletes = Views.positionDeletes("file:///t/data/d.parquet", of: a)
        #expect(throws: IcebergError.self) { try v3.commit { $0.addedDeleteFiles = [deletes] } }
        var puffin = deletes
        puffin.format = "PUFFIN"
        #expect(throws: IcebergError.self) { try v2.commit { $0.addedDeleteFiles = [puffin] } }
        #expect(throws: IcebergError.self) { try v3.commit { $0.addedDeleteFiles = [puffin] } }
        #expect(throws: IcebergError.self) { try v2.commit { $0.addedDataFiles = [a, a] } }
        var other = a
        other.specID = 4
        #expect(throws: IcebergError.self) { try v2.commit { $0.addedDataFiles = [other] } }
        #expect(v2.files.isEmpty && v3.files.isEmpty)
    }

    @Test func `a file that the table does not have cannot be removed`() throws {
        var table = try PlannedTable()
        try table.commit { $0.addedDataFiles = [a] }
        let error = #expect(throws: IcebergError.self) { try table.commit { $0.removedDataFiles = [b.path] } }
        #expect(error?.subject == b.path && error?.kind == .invalid)
    }

    @Test func `a rewrite may keep the data sequence number of what it read`() throws {
        var table = try PlannedTable()
        try table.commit { $0.addedDataFiles = [a] }
        try table.commit { $0.addedDataFiles = [b] }
        try table.commit {
            $0.removedDataFiles = [a.path]
            $0.addedDataFiles = [c]
            $0.dataSequenceNumber = 1
            $0.operation = .replace
        }
        let entry = try #require(try table.live[c.path])
        #expect(entry.sequenceNumber == 1 && entry.fileSequenceNumber == 3)
    }

    @Test func `time does not go back when the clock does`() throws {
        var table = try PlannedTable()
        try table.commit(at: 1_700_000_500_000) { $0.addedDataFiles = [a] }
        let plan = try table.commit(at: 1_600_000_000_000) { $0.addedDataFiles = [b] }
        #expect(plan.snapshot.timestampMilliseconds == 1_700_000_500_000)
    }

    @Test func `a commit is found by its mark in the summary, and in the property once its snapshot is gone`() throws {
        var table = try PlannedTable()
        let marks = (0..<3).map { CommitMark(summaryKey: "w.commit-id", propertyKey: "w.last", id: "id\($0)") }
        for (mark, file) in zip(marks, [a, b]) {
            let metadata = table.metadata
            try table.commit {
                $0.addedDataFiles = [file]
                mark.stamp(&$0, on: metadata, keeping: 2)
            }
        }
        guard case .snapshot(let found)? = table.metadata.findCommit(marks[0]) else {
            Issue.record("not found")
            return
        }
        #expect(found.sequenceNumber == 1)
        #expect(table.metadata.findCommit(marks[2]) == nil)
        let expired = try table.metadata.applying([.removeSnapshots([found.id])], nowMilliseconds: 0)
        #expect(expired.findCommit(marks[0]) == .property)
        #expect(expired.properties["w.last"] == "id0,id1")
    }
}
