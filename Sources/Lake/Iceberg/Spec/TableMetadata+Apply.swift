// Applies updates to a table's metadata. Pure: a file catalog commits by applying updates and storing the result.
// Invariant: consistent metadata stays consistent (`isConsistent`). An update that would break it throws.
import Avro

extension TableMetadata {
    /// The metadata after `updates`, in order. Throws `invalid` for an update that this metadata does not allow.
    ///
    /// - Parameter nowMilliseconds: the time, in milliseconds since 1970-01-01 UTC; `last-updated-ms` never decreases.
    package func applying(_ updates: [TableUpdate], nowMilliseconds: Int64) throws(IcebergError) -> TableMetadata {
        var applier = UpdateApplier(metadata: self, nowMilliseconds: nowMilliseconds)
        for update in updates { try applier.apply(update) }
        applier.metadata.lastUpdatedMilliseconds = max(applier.metadata.lastUpdatedMilliseconds, nowMilliseconds)
        assert(!isConsistent || applier.metadata.isConsistent, "updates keep metadata consistent")
        return applier.metadata
    }

    /// Whether the current schema, the default spec and the refs' snapshots exist, and `main` is the current snapshot.
    private var isConsistent: Bool {
        currentSchema != nil && defaultSpec != nil && lastSequenceNumber >= 0 && (nextRowID ?? 0) >= 0
            && currentSnapshotID == refs[SnapshotRef.main]?.snapshotID
            && refs.values.allSatisfy { snapshot($0.snapshotID) != nil }
    }

    /// The metadata with the previous metadata's `file` appended to its metadata log. Keeps as many entries as the
    /// property `write.metadata.previous-versions-max` states (default 100).
    package func loggingPrevious(file: String, of previous: TableMetadata) -> TableMetadata {
        var result = self
        let limit = max(1, properties["write.metadata.previous-versions-max"].flatMap(Int.init) ?? 100)
        result.metadataLog.append(
            MetadataLogEntry(file: file, timestampMilliseconds: previous.lastUpdatedMilliseconds))
        result.metadataLog.removeFirst(max(0, result.metadataLog.count - limit))
        return result
    }
}

private struct UpdateApplier {
    var metadata: TableMetadata
    let nowMilliseconds: Int64
    private var lastAddedSchema: Int?
    private var lastAddedSpec: Int?
    private var lastAddedOrder: Int?
    private var addedSnapshots: Set<Int64> = []

    init(metadata: TableMetadata, nowMilliseconds: Int64) {
        self.metadata = metadata
        self.nowMilliseconds = nowMilliseconds
    }

    private func refuse(_ reason: String) -> IcebergError { IcebergError(.invalid, reason, in: "update") }

    mutating func apply(_ update: TableUpdate) throws(IcebergError) {
        switch update {
        case .assignUUID(let uuid): metadata.uuid = uuid
        case .upgradeFormatVersion(let version): try upgrade(version)
        case .addSchema(let schema): try add(schema)
        case .setCurrentSchema(let id): try setCurrentSchema(id)
        case .addPartitionSpec(let spec): try add(spec)
        case .setDefaultSpec(let id): try setDefaultSpec(id)
        case .addSortOrder(let order): try add(order)
        case .setDefaultSortOrder(let id): try setDefaultSortOrder(id)
        case .addSnapshot(let snapshot): try add(snapshot)
        case .setSnapshotRef(let name, let ref): try set(name, ref)
        case .removeSnapshotRef(let name): remove(name)
        case .removeSnapshots(let ids): try removeSnapshots(Set(ids))
        case .setLocation(let location): metadata.location = location.droppingTrailingSlashes
        case .setProperties(let properties): metadata.properties.merge(properties) { $1 }
        case .removeProperties(let keys): for key in keys { metadata.properties[key] = nil }
        case .removeStatistics(let id): metadata.statistics.removeAll { $0["snapshot-id"]?.integer == id }
        case .removePartitionStatistics(let id):
            metadata.partitionStatistics.removeAll { $0["snapshot-id"]?.integer == id }
        }
    }

    private mutating func upgrade(_ version: Int) throws(IcebergError) {
        guard version == 2 || version == 3 else { throw refuse("format version \(version) is not 2 or 3") }
        guard version >= metadata.formatVersion else {
            throw refuse("format version \(metadata.formatVersion) cannot go back to \(version)")
        }
        metadata.formatVersion = version
        if version >= 3 { metadata.nextRowID = metadata.nextRowID ?? 0 }
    }

    private mutating func add(_ schema: TableSchema) throws(IcebergError) {
        if let same = metadata.schemas.first(where: { $0.hasSameColumns(as: schema) }) {
            lastAddedSchema = same.id
            return
        }
        guard !metadata.schemas.contains(where: { $0.id == schema.id }) else {
            throw refuse("the schema id \(schema.id) is taken")
        }
        metadata.schemas.append(schema)
        metadata.lastColumnID = max(metadata.lastColumnID, schema.highestFieldID)
        lastAddedSchema = schema.id
    }

    private mutating func setCurrentSchema(_ id: Int) throws(IcebergError) {
        guard let wanted = id == -1 ? lastAddedSchema : id, metadata.schemas.contains(where: { $0.id == wanted })
        else { throw refuse("no schema has the id \(id)") }
        metadata.currentSchemaID = wanted
    }

    private mutating func add(_ spec: PartitionSpec) throws(IcebergError) {
        if let same = metadata.partitionSpecs.first(where: { $0.fields == spec.fields }) {
            lastAddedSpec = same.id
            return
        }
        guard metadata.spec(spec.id) == nil else { throw refuse("the spec id \(spec.id) is taken") }
        _ = try spec.types(in: metadata.schemasByRelevance)
        metadata.partitionSpecs.append(spec)
        metadata.lastPartitionID = max(metadata.lastPartitionID, spec.fields.map(\.fieldID).max() ?? 0)
        lastAddedSpec = spec.id
    }

    private mutating func setDefaultSpec(_ id: Int) throws(IcebergError) {
        guard let wanted = id == -1 ? lastAddedSpec : id, metadata.spec(wanted) != nil else {
            throw refuse("no partition spec has the id \(id)")
        }
        metadata.defaultSpecID = wanted
    }

    private mutating func add(_ order: SortOrder) throws(IcebergError) {
        if let same = metadata.sortOrders.first(where: { $0.fields == order.fields }) {
            lastAddedOrder = same.id
            return
        }
        guard !metadata.sortOrders.contains(where: { $0.id == order.id }) else {
            throw refuse("the sort order id \(order.id) is taken")
        }
        metadata.sortOrders.append(order)
        lastAddedOrder = order.id
    }

    private mutating func setDefaultSortOrder(_ id: Int) throws(IcebergError) {
        guard let wanted = id == -1 ? lastAddedOrder : id, metadata.sortOrders.contains(where: { $0.id == wanted })
        else { throw refuse("no sort order has the id \(id)") }
        metadata.defaultSortOrderID = wanted
    }
}

extension UpdateApplier {
    private mutating func add(_ snapshot: Snapshot) throws(IcebergError) {
        guard metadata.snapshot(snapshot.id) == nil else { throw refuse("the snapshot id \(snapshot.id) is taken") }
        guard snapshot.parentID == nil || snapshot.sequenceNumber > metadata.lastSequenceNumber else {
            throw refuse(
                "snapshot \(snapshot.id) has sequence number \(snapshot.sequenceNumber), not above "
                    + "\(metadata.lastSequenceNumber)")
        }
        try takeRowIDs(snapshot)
        metadata.snapshots.append(snapshot)
        metadata.lastSequenceNumber = max(metadata.lastSequenceNumber, snapshot.sequenceNumber)
        metadata.lastUpdatedMilliseconds = max(metadata.lastUpdatedMilliseconds, snapshot.timestampMilliseconds)
        addedSnapshots.insert(snapshot.id)
    }

    private mutating func takeRowIDs(_ snapshot: Snapshot) throws(IcebergError) {
        guard metadata.formatVersion >= 3 else { return }
        let next = metadata.nextRowID ?? 0
        guard let first = snapshot.firstRowID, let added = snapshot.addedRows, added >= 0 else {
            throw refuse("snapshot \(snapshot.id) of a v3 table has no first-row-id or added-rows")
        }
        let (end, overflow) = next.addingReportingOverflow(added)
        guard first >= next, !overflow else {
            throw refuse("snapshot \(snapshot.id) begins at row id \(first), below the table's next one, \(next)")
        }
        metadata.nextRowID = end
    }

    private mutating func set(_ name: String, _ ref: SnapshotRef) throws(IcebergError) {
        guard let snapshot = metadata.snapshot(ref.snapshotID) else {
            throw refuse("\(name) cannot point to snapshot \(ref.snapshotID), which the table does not have")
        }
        guard metadata.refs[name] != ref else { return }
        metadata.refs[name] = ref
        guard name == SnapshotRef.main else { return }
        metadata.currentSnapshotID = ref.snapshotID
        let time = addedSnapshots.contains(ref.snapshotID) ? snapshot.timestampMilliseconds : nowMilliseconds
        let latest = metadata.snapshotLog.last?.timestampMilliseconds ?? Int64.min
        metadata.snapshotLog.append(
            SnapshotLogEntry(snapshotID: ref.snapshotID, timestampMilliseconds: max(time, latest)))
    }

    private mutating func remove(_ name: String) {
        metadata.refs[name] = nil
        if name == SnapshotRef.main { metadata.currentSnapshotID = nil }
    }

    private mutating func removeSnapshots(_ ids: Set<Int64>) throws(IcebergError) {
        if let held = metadata.refs.first(where: { ids.contains($0.value.snapshotID) }) {
            throw refuse("snapshot \(held.value.snapshotID) cannot be removed, \(held.key) points to it")
        }
        metadata.snapshots.removeAll { ids.contains($0.id) }
        metadata.statistics.removeAll { $0["snapshot-id"]?.integer.map(ids.contains) ?? false }
        metadata.partitionStatistics.removeAll { $0["snapshot-id"]?.integer.map(ids.contains) ?? false }
        // The log states what was current at a time. It must not skip a removed snapshot, so it starts after the last
        // one.
        if let last = metadata.snapshotLog.lastIndex(where: { ids.contains($0.snapshotID) }) {
            metadata.snapshotLog.removeSubrange(...last)
        }
    }
}
