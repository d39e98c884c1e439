// Manifests of other writers are read, damaged ones are refused with their name.
import Avro
import Foundation
import Iceberg
import Testing

@Suite struct ManifestTests {
    private static func fixture(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: PythonLake.folder.appending(path: "Fixtures/\(name)")))
    }

    @Test func `a list and a manifest as the Java library names and orders them are read, inheritance applied`() throws
    {
        let list = try ManifestReader.list(Self.fixture("java-list.avro"), file: "list")
        #expect(list.count == 2)
        #expect(list[0].addedFilesCount == 2 && list[0].content == .data && list[0].partitions.count == 1)
        #expect(list[1].content == .deletes && list[1].sequenceNumber == 5)
        let entries = try ManifestReader.entries(
            Self.fixture("java-manifest.avro"), manifest: list[0], spec: Views.spec)
        #expect(entries.map(\.status) == [.added, .existing, .deleted])
        #expect(entries.map(\.sequenceNumber) == [4, 2, 1])
        #expect(entries.map(\.snapshotID) == [list[0].addedSnapshotID, 11, 12])
        #expect(entries[0].file.partition == [.int(19_000)] && entries[1].file.partition == [nil])
        #expect(entries[0].file.metrics.lowerBounds[1] == [UInt8]("SW1".utf8))
        #expect(entries[0].file.metrics.valueCounts == [1: 10, 3: 10] && entries[0].file.splitOffsets == [4])
        #expect(entries[1].file.format == "ORC" && entries[1].file.sortOrderID == 0)
    }

    @Test func `every field of a file survives a manifest, v3`() throws {
        var file = Views.dataFile("s3://b/ü 1.parquet", rows: 3)
        file.metrics.columnSizes = [1: 5]
        file.metrics.nullValueCounts = [1: 0]
        file.metrics.nanValueCounts = [3: 1]
        file.keyMetadata = [1, 2]
        file.splitOffsets = [4, 400]
        file.sortOrderID = 0
        var table = try PlannedTable(3)
        try table.commit { $0.addedDataFiles = [file] }
        file.firstRowID = 0
        #expect(try table.entries.map(\.file) == [file])
    }

    @Test(arguments: [
        Literal.boolean(true), .int(5), .long(-5), .float(1.5), .double(2.5), .string("ü"), .bytes([1, 2, 3]),
    ])
    func `a partition value of any type survives a manifest`(value: Literal) throws {
        let type: FieldType =
            switch value {
            case .boolean: .boolean
            case .int: .int
            case .long: .long
            case .float: .float
            case .double: .double
            case .string: .string
            case .bytes: .binary
            }
        let schema = TableSchema(fields: [SchemaField(id: 1, name: "c", required: false, type: type)])
        let spec = PartitionSpec(
            fields: [PartitionField(sourceID: 1, fieldID: 1000, name: "c-x", transform: .identity)])
        let metadata = try TableMetadata(
            formatVersion: 2, uuid: "u", location: "file:///t", schema: schema, spec: spec, properties: [:],
            nowMilliseconds: 0)
        var change = ChangeSet()
        for partition in [value, nil] {
            change.addedDataFiles.append(
                DataFile(
                    content: .data, path: "p\(String(describing: partition))", specID: 0, partition: [partition],
                    recordCount: 1, fileSizeBytes: 1))
        }
        let plan = try CommitPlanner(metadata: metadata, parents: [], change: change).plan(
            entries: [:], identity: CommitIdentity(snapshotID: 1, uuid: "u", nowMilliseconds: 0))
        let entries = try ManifestReader.entries(plan.files[0].bytes, manifest: plan.manifests[0], spec: spec)
        #expect(entries.map(\.file.partition) == [[value], [nil]])
        #expect(plan.manifests[0].partitions.first?.containsNull == true)
        #expect(plan.manifests[0].partitions.first?.lowerBound == value.binary)
    }

    @Test func `damaged manifests and lists give entries or an error that names the file, never a crash`() throws {
        let seed: UInt64 = 55
        var numbers = Numbers(seed: seed)
        var table = try PlannedTable(3)
        try table.commit { $0.addedDataFiles = [Views.dataFile("file:///t/a"), Views.dataFile("file:///t/b")] }
        let manifest = table.manifests[0]
        let originals = [
            try Self.fixture("java-list.avro"), try Self.fixture("java-manifest.avro"),
            table.files[manifest.path] ?? [], table.files[table.metadata.currentSnapshot?.manifestList ?? ""] ?? [],
        ]
        for round in 0..<600 {
            var bytes = originals[round % originals.count]
            for _ in 0...Int(numbers.next() % 4) {
                bytes[Int(numbers.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: numbers.next())
            }
            do {
                let list = try ManifestReader.list(bytes, file: "damaged")
                var change = ChangeSet()
                change.addedDataFiles = [Views.dataFile("file:///t/c")]
                _ = try CommitPlanner(metadata: table.metadata, parents: list, change: change).plan(
                    entries: [:], identity: CommitIdentity(snapshotID: 1, uuid: "u", nowMilliseconds: 0))
            } catch {
                #expect(
                    "\(error)".contains("damaged") || error is IcebergError, "seed \(seed), round \(round): \(error)")
            }
            do { _ = try ManifestReader.entries(bytes, manifest: manifest, spec: Views.spec) } catch {
                #expect("\(error)".contains(manifest.path), "seed \(seed), round \(round): \(error)")
            }
        }
    }
}
