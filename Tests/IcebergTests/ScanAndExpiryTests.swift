// Which files a scan reads, and which files expiry may remove.
import Iceberg
import Testing

@Suite struct ScanAndExpiryTests {
    private let a = Views.dataFile("file:///t/data/a.parquet", day: 19_000)
    private let b = Views.dataFile("file:///t/data/b.parquet", day: 19_001)
    private let c = Views.dataFile("file:///t/data/c.parquet", day: 19_002)

    private func tasks(_ table: PlannedTable, _ ranges: [ScanRange] = []) throws -> [ScanTask] {
        let planner = ScanPlanner(metadata: table.metadata, ranges: ranges)
        let entries = try planner.manifestsToRead(table.manifests).flatMap { try table.entries(of: $0) }
        return try planner.tasks(entries: entries)
    }

    @Test func `a scan has every live file with the deletes that may apply to it`() throws {
        var table = try PlannedTable()
        try table.commit { $0.addedDataFiles = [a, b] }
        let deletes = Views.positionDeletes("file:///t/data/d.parquet", of: a)
        try table.commit {
            $0.addedDeleteFiles = [deletes]
            $0.addedDataFiles = [c]
        }
        let tasks = try tasks(table)
        #expect(tasks.map(\.file.path) == [a.path, b.path, c.path])
        #expect(tasks.map(\.positionDeletes) == [[deletes], [], []])
        #expect(tasks.map(\.sequenceNumber) == [1, 1, 2])
    }

    @Test func `a manifest list that lies, and a file that is listed twice, are refused`() throws {
        var table = try PlannedTable()
        for file in [a, b] { try table.commit { $0.addedDataFiles = [file] } }
        var lying = table
        (lying.manifests[1].addedFilesCount, lying.manifests[1].existingFilesCount) = (0, 0)
        #expect {
            try tasks(lying)
        } throws: { ($0 as? IcebergError)?.description.contains("no live file, and it has 1") == true }
        try table.commit { $0.addedDataFiles = [a] }
        #expect {
            try tasks(table)
        } throws: { ($0 as? IcebergError)?.description.contains("\(a.path): is listed twice") == true }
    }

    @Test func `deletes of several files apply to those of their partition, older or as old`() throws {
        var table = try PlannedTable()
        let earlier = Views.dataFile("file:///t/data/A.parquet", day: 19_000)
        let twin = Views.dataFile("file:///t/data/b2.parquet", day: 19_000)
        let later = Views.dataFile("file:///t/data/c2.parquet", day: 19_000)
        try table.commit { $0.addedDataFiles = [a, b, earlier] }
        var deletes = Views.positionDeletes("file:///t/data/d.parquet", of: a)
        deletes.metrics.upperBounds[ReservedField.deletePath.id] = [UInt8]("file:///t/data/z".utf8)
        deletes.referencedDataFile = nil
        let several = deletes
        try table.commit {
            $0.addedDeleteFiles = [several]
            $0.addedDataFiles = [twin]
        }
        try table.commit { $0.addedDataFiles = [later] }
        let applied = try tasks(table).filter { !$0.positionDeletes.isEmpty }.map(\.file.path)
        #expect(applied == [a.path, twin.path], "A is below the lower bound, b is of another day, c2 is newer")
    }

    @Test func `a deletion vector stands alone`() throws {
        var table = try PlannedTable(3)
        try table.commit { $0.addedDataFiles = [a, b] }
        var writer = PuffinWriter()
        let blob = writer.append(DeletionVector([3]), of: a.path)
        let vector = DataFile.deletionVector(
            path: "file:///t/data/v.puffin", fileSizeBytes: 300, blob: blob, cardinality: 1, of: a)
        try table.commit { $0.addedDeleteFiles = [vector] }
        #expect(try tasks(table).map(\.deletionVector) == [vector, nil])
    }

    @Test func `files of other days are left out by manifest, by partition and by bounds`() throws {
        var table = try PlannedTable()
        for file in [a, b, c] { try table.commit { $0.addedDataFiles = [file] } }
        let day = Views.day
        let range = ScanRange(fieldID: 2, lower: .long(19_001 * day), upper: .long(19_001 * day + 5))
        let planner = ScanPlanner(metadata: table.metadata, ranges: [range])
        #expect(planner.manifestsToRead(table.manifests).count == 1)
        #expect(try tasks(table, [range]).map(\.file.path) == [b.path])
        let none = ScanRange(fieldID: 2, lower: .long(19_001 * day + day), upper: .long(19_001 * day + day - 1))
        #expect(try tasks(table, [none]).isEmpty)
        let open = ScanRange(fieldID: 2, lower: .long(19_001 * day), upper: nil)
        #expect(try tasks(table, [open]).map(\.file.path) == [b.path, c.path])
        let unknown = ScanRange(fieldID: 1, lower: .string("SW1"), upper: nil)
        #expect(try tasks(table, [unknown]).count == 3, "without bounds nothing is left out")
    }

    @Test func `live equality deletes of others are refused, not ignored`() throws {
        let table = try PlannedTable()
        var file = Views.dataFile("file:///t/data/eq.parquet")
        file.content = .equalityDeletes
        let entry = ManifestEntry(
            status: .added, snapshotID: 1, sequenceNumber: 1, fileSequenceNumber: 1, file: file)
        let error = #expect(throws: IcebergError.self) {
            try ScanPlanner(metadata: table.metadata).tasks(entries: [entry])
        }
        #expect(error?.kind == .unsupported && error?.subject == file.path)
    }

    @Test func `expiry keeps the newest, the young, and what names point to`() throws {
        var table = try PlannedTable()
        var ids: [Int64] = []
        for (number, file) in [a, b, c].enumerated() {
            ids.append(
                try table.commit(at: 1_000 * Int64(number) + 1_700_000_000_000) { $0.addedDataFiles = [file] }.snapshot
                    .id)
        }
        let all = ExpiryPolicy(keepSinceMilliseconds: Int64.max)
        #expect(table.metadata.expiryPlan(all)?.expired.map(\.id) == [ids[0], ids[1]])
        let young = ExpiryPolicy(keepSinceMilliseconds: 1_700_000_001_000)
        #expect(table.metadata.expiryPlan(young)?.expired.map(\.id) == [ids[0]])
        let two = ExpiryPolicy(keepSinceMilliseconds: Int64.max, keepAtLeast: 2)
        #expect(table.metadata.expiryPlan(two)?.expired.map(\.id) == [ids[0]])
        let tagged = try table.metadata.applying(
            [.setSnapshotRef(name: "audit", SnapshotRef(snapshotID: ids[0], type: "tag"))], nowMilliseconds: 0)
        #expect(tagged.expiryPlan(all)?.expired.map(\.id) == [ids[1]])
        let old = ExpiryPolicy(keepSinceMilliseconds: 0)
        #expect(table.metadata.expiryPlan(old) == nil)
    }

    @Test func `only files that no kept snapshot has are named, and all of those`() throws {
        let seed: UInt64 = 77
        var numbers = Numbers(seed: seed)
        var table = try PlannedTable()
        var liveBySnapshot: [Int64: Set<String>] = [:]
        var current: Set<String> = []
        for number in 0..<40 {
            let added = Views.dataFile("file:///t/data/\(number).parquet", day: 19_000 + Int32(number % 3))
            let removed = Set(current.filter { _ in numbers.next() % 5 == 0 })
            let plan = try table.commit(ManifestPolicy(mergeAbove: 4), at: 1_700_000_000_000 + Int64(number)) {
                $0.addedDataFiles = [added]
                $0.removedDataFiles = removed
            }
            current.subtract(removed)
            current.insert(added.path)
            liveBySnapshot[plan.snapshot.id] = current
        }
        let plan = try #require(
            table.metadata.expiryPlan(ExpiryPolicy(keepSinceMilliseconds: 1_700_000_000_030, keepAtLeast: 2)))
        let unreferenced = Unreferenced(plan, manifests: table.lists)
        var entries: [String: [ManifestEntry]] = [:]
        for manifest in unreferenced.manifestsLost + unreferenced.manifestsKept {
            entries[manifest.path] = try table.entries(of: manifest)
        }
        let files = try unreferenced.files(entries: entries, metadata: table.metadata)
        let kept = plan.kept.reduce(into: Set<String>()) { $0.formUnion(liveBySnapshot[$1.id] ?? []) }
        let lost = plan.expired.reduce(into: Set<String>()) { $0.formUnion(liveBySnapshot[$1.id] ?? []) }
        #expect(files.contentFiles == lost.subtracting(kept), "seed \(seed)")
        #expect(!files.contentFiles.isEmpty)
        #expect(files.manifestLists == Set(plan.expired.map(\.manifestList)))
        let keptManifests = Set(plan.kept.flatMap { table.lists[$0.id] ?? [] }.map(\.path))
        #expect(files.manifests.isDisjoint(with: keptManifests) && !files.manifests.isEmpty)
        #expect(throws: IcebergError.self) { try unreferenced.files(entries: [:], metadata: table.metadata) }
    }
}
