// What updates do to metadata, and what requirements refuse.
import Avro
import Iceberg
import Testing

@Suite struct ApplyTests {
    private let now: Int64 = 1_700_000_100_000

    private func snapshot(_ id: Int64, parent: Int64? = nil, sequence: Int64 = 1, time: Int64 = 1_700_000_050_000)
        -> Snapshot
    {
        Snapshot(
            id: id, parentID: parent, sequenceNumber: sequence, timestampMilliseconds: time,
            manifestList: "file:///t/metadata/snap-\(id).avro", operation: .append, summary: ["k": "v"], schemaID: 0)
    }

    private func table() throws -> TableMetadata {
        try Views.metadata().applying(
            [.addSnapshot(snapshot(1)), .setSnapshotRef(name: "main", .branch(1))], nowMilliseconds: now)
    }

    @Test func `a snapshot that main points to is the current one and stands in the log`() throws {
        let table = try table()
        #expect(table.currentSnapshotID == 1 && table.lastSequenceNumber == 1)
        #expect(table.snapshotLog.map(\.snapshotID) == [1])
        #expect(table.snapshotLog[0].timestampMilliseconds == 1_700_000_050_000)
        #expect(table.lastUpdatedMilliseconds == now)
    }

    @Test func `a snapshot without a higher sequence number than the last is refused`() throws {
        let error = #expect(throws: IcebergError.self) {
            try table().applying([.addSnapshot(snapshot(2, parent: 1, sequence: 1))], nowMilliseconds: now)
        }
        #expect(error?.kind == .invalid)
    }

    @Test func `a snapshot id is not given twice, and no name points to a missing one`() throws {
        #expect(throws: IcebergError.self) {
            try table().applying([.addSnapshot(snapshot(1, parent: 1, sequence: 2))], nowMilliseconds: now)
        }
        #expect(throws: IcebergError.self) {
            try table().applying([.setSnapshotRef(name: "main", .branch(9))], nowMilliseconds: now)
        }
    }

    @Test func `a removed snapshot leaves the log up to it, and a named one cannot be removed`() throws {
        let table = try table().applying(
            [.addSnapshot(snapshot(2, parent: 1, sequence: 2)), .setSnapshotRef(name: "main", .branch(2))],
            nowMilliseconds: now)
        let expired = try table.applying([.removeSnapshots([1])], nowMilliseconds: now)
        #expect(expired.snapshots.map(\.id) == [2])
        #expect(expired.snapshotLog.map(\.snapshotID) == [2])
        #expect(throws: IcebergError.self) { try table.applying([.removeSnapshots([2])], nowMilliseconds: now) }
    }

    @Test func `properties are set, replaced and removed`() throws {
        let table = try table().applying(
            [.setProperties(["a": "1", "b": "1"]), .setProperties(["b": "2"]), .removeProperties(["a", "never"])],
            nowMilliseconds: now)
        #expect(table.properties == ["b": "2"])
    }

    @Test func `the schema added last is put in force, and an equal one is not added again`() throws {
        var wider = Views.schema
        wider.id = 1
        wider.fields.append(SchemaField(id: 4, name: "note", required: false, type: .string))
        let table = try table().applying([.addSchema(wider), .setCurrentSchema(-1)], nowMilliseconds: now)
        #expect(table.currentSchemaID == 1 && table.lastColumnID == 4)
        wider.id = 8
        let same = try table.applying([.addSchema(wider), .setCurrentSchema(-1)], nowMilliseconds: now)
        #expect(same.schemas.count == 2 && same.currentSchemaID == 1)
        #expect(throws: IcebergError.self) { try table.applying([.setCurrentSchema(5)], nowMilliseconds: now) }
    }

    @Test func `a v3 snapshot takes row ids and may not take those of others`() throws {
        let empty = try Views.metadata(3)
        var first = snapshot(1)
        #expect(throws: IcebergError.self) { try empty.applying([.addSnapshot(first)], nowMilliseconds: now) }
        first.firstRowID = 0
        first.addedRows = 25
        let table = try empty.applying([.addSnapshot(first)], nowMilliseconds: now)
        #expect(table.nextRowID == 25)
        var second = snapshot(2, parent: 1, sequence: 2)
        second.firstRowID = 24
        second.addedRows = 1
        #expect(throws: IcebergError.self) { try table.applying([.addSnapshot(second)], nowMilliseconds: now) }
    }

    @Test func `a format version goes up, not down`() throws {
        let table = try table().applying([.upgradeFormatVersion(3)], nowMilliseconds: now)
        #expect(table.formatVersion == 3 && table.nextRowID == 0)
        #expect(throws: IcebergError.self) { try table.applying([.upgradeFormatVersion(2)], nowMilliseconds: now) }
    }

    @Test func `a partition spec of a column that is not there is refused`() throws {
        let spec = PartitionSpec(
            id: 1, fields: [PartitionField(sourceID: 44, fieldID: 1001, name: "x", transform: .identity)])
        #expect(throws: IcebergError.self) { try table().applying([.addPartitionSpec(spec)], nowMilliseconds: now) }
    }

    @Test func `the metadata log keeps as many files as the property says`() throws {
        var table = try Views.metadata(properties: ["write.metadata.previous-versions-max": "2"])
        for number in 1...5 { table = table.loggingPrevious(file: "v\(number)", of: table) }
        #expect(table.metadataLog.map(\.file) == ["v4", "v5"])
    }

    @Test func `a requirement that does not hold says why`() throws {
        let table = try table()
        #expect(TableRequirement.notExisting.failure(for: nil) == nil)
        #expect(TableRequirement.notExisting.failure(for: table) == "the table exists already")
        #expect(TableRequirement.uuid("11111111-2222-4333-8444-555555555555").failure(for: table) == nil)
        #expect(TableRequirement.uuid("x").failure(for: nil) == "the table does not exist")
        #expect(TableRequirement.refSnapshot(name: "main", 1).failure(for: table) == nil)
        #expect(
            TableRequirement.refSnapshot(name: "main", nil).failure(for: table) == "main is at snapshot 1, not none")
        #expect(TableRequirement.refSnapshot(name: "b", nil).failure(for: table) == nil)
        #expect(TableRequirement.lastAssignedFieldID(3).failure(for: table) == nil)
        #expect(TableRequirement.currentSchemaID(1).failure(for: table) != nil)
        #expect(TableRequirement.defaultSpecID(0).failure(for: table) == nil)
        #expect(TableRequirement.lastAssignedPartitionID(999).failure(for: table) != nil)
        #expect(TableRequirement.defaultSortOrderID(0).failure(for: table) == nil)
    }

    @Test func `updates and requirements come back from their JSON forms`() throws {
        let order = SortOrder(id: 1, fields: [SortField(sourceID: 2, ascending: false)])
        let updates: [TableUpdate] = [
            .assignUUID("u"), .upgradeFormatVersion(3), .addSchema(Views.schema), .setCurrentSchema(-1),
            .addPartitionSpec(Views.spec), .setDefaultSpec(0), .addSortOrder(order), .setDefaultSortOrder(1),
            .addSnapshot(snapshot(4, parent: 3, sequence: 9)), .setSnapshotRef(name: "main", .branch(4)),
            .removeSnapshotRef(name: "old"), .removeSnapshots([1, 2]), .setLocation("s3://b/t"),
            .setProperties(["a": "b"]), .removeProperties(["c"]), .removeStatistics(4), .removePartitionStatistics(4),
        ]
        for update in updates { #expect(try TableUpdate(json: update.json) == update) }
        let requirements: [TableRequirement] = [
            .notExisting, .uuid("u"), .refSnapshot(name: "main", nil), .refSnapshot(name: "main", 4),
            .lastAssignedFieldID(3), .currentSchemaID(0), .lastAssignedPartitionID(1000), .defaultSpecID(0),
            .defaultSortOrderID(0),
        ]
        for requirement in requirements {
            #expect(try TableRequirement(json: #require(requirement.json)) == requirement)
        }
        #expect(throws: IcebergError.self) { try TableUpdate(json: .object(["action": .string("dance")])) }
    }
}
