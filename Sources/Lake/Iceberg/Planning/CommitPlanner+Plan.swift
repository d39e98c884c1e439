// Builds the manifests and the manifest list of a new snapshot (https://iceberg.apache.org/spec/#manifests).

extension CommitPlanner {
    /// Plans the snapshot from the entries of the manifests of `manifestsToRead`, by manifest path.
    ///
    /// Throws `invalid` when a file to remove is not live or a data file would have two deletion vectors, `missing`
    /// when `entries` is incomplete, `malformed` when a file is listed twice, and `AvroError` when a manifest cannot be
    /// written.
    package func plan(
        entries: [String: [ManifestEntry]], identity: CommitIdentity
    ) throws -> CommitPlan {
        try Self.refuseDoubles(entries)
        var build = Build(planner: self, identity: identity)
        for group in mergeGroups() { try build.merge(group, entries) }
        let merged = Set(manifestsToMerge().map(\.path))
        for manifest in parents where manifest.hasLiveFiles && !merged.contains(manifest.path) {
            try build.keepOrRewrite(manifest, entries[manifest.path])
        }
        try build.add(change.addedDataFiles, content: .data)
        try build.add(change.addedDeleteFiles, content: .deletes)
        return try build.finish()
    }

    /// Throws for a file that is listed twice: merging would keep both entries.
    private static func refuseDoubles(_ entries: [String: [ManifestEntry]]) throws(IcebergError) {
        var seen: Set<DataFile.Key> = []
        for entry in entries.values.joined() where entry.isLive && !seen.insert(entry.file.key).inserted {
            throw IcebergError(.malformed, "is listed twice, so its rows would count twice", in: entry.file.path)
        }
    }

    private func mergeGroups() -> [[ManifestFile]] {
        Dictionary(grouping: manifestsToMerge()) { MergeGroup(content: $0.content, specID: $0.specID) }
            .sorted { ($0.key.content.rawValue, $0.key.specID) < ($1.key.content.rawValue, $1.key.specID) }
            .map(\.value)
    }
}

/// The state of planning one snapshot.
private struct Build {
    let planner: CommitPlanner
    let identity: CommitIdentity
    let sequenceNumber: Int64
    let operation: SnapshotOperation
    private var files: [PlannedFile] = []
    private var fresh: [ManifestFile] = []
    private var rewritten: [ManifestFile] = []
    private var kept: [ManifestFile] = []
    private var replacedCount = 0
    private var processedCount = 0
    private var totals = SummaryTotals()
    private var missingData: Set<String>
    private var missingDeletes: Set<DataFile.Key>

    init(planner: CommitPlanner, identity: CommitIdentity) {
        self.planner = planner
        self.identity = identity
        sequenceNumber = planner.metadata.lastSequenceNumber + 1
        operation = planner.change.derivedOperation
        missingData = planner.change.removedDataFiles
        missingDeletes = planner.change.removedDeleteFiles
    }

    private var metadata: TableMetadata { planner.metadata }

    /// Merges manifests into as few as possible of the target size.
    mutating func merge(_ group: [ManifestFile], _ entries: [String: [ManifestEntry]]) throws {
        guard let first = group.first else { return }
        var all: [ManifestEntry] = []
        for manifest in group {
            guard let own = entries[manifest.path] else { throw Self.notGiven(manifest) }
            all += carried(own).entries
        }
        replacedCount += group.count
        processedCount += all.count
        // Each manifest is shorter than half the target, so the sum cannot overflow.
        let bytes = group.reduce(0) { $0 + $1.lengthBytes }
        let parts = max(1, Int(bytes / max(1, planner.policy.targetBytes)))
        let size = max(1, (all.count + parts - 1) / parts)
        for start in stride(from: 0, to: all.count, by: size) {
            rewritten.append(
                try write([ManifestEntry](all[start..<min(start + size, all.count)]), first.content, first.specID))
        }
    }

    /// Keeps a manifest unless it lists a removed file.
    mutating func keepOrRewrite(_ manifest: ManifestFile, _ entries: [ManifestEntry]?) throws {
        assert(planner.parents.contains(manifest), "a kept manifest is a parent's, unchanged")
        guard let entries else {
            kept.append(manifest)
            return
        }
        processedCount += entries.count
        let carried = carried(entries)
        try refuseDoubleVectors(carried.entries)
        guard carried.removed > 0 else {
            kept.append(manifest)
            return
        }
        replacedCount += 1
        rewritten.append(try write(carried.entries, manifest.content, manifest.specID))
    }

    /// The live entries with the status `existing`, or `deleted` for those that this commit removes.
    private mutating func carried(_ entries: [ManifestEntry]) -> (entries: [ManifestEntry], removed: Int) {
        var removed = 0
        let carried = entries.filter(\.isLive).map { entry in
            var entry = entry
            entry.status = .existing
            if takeRemoval(of: entry.file) {
                entry.status = .deleted
                entry.snapshotID = identity.snapshotID
                totals.remove(entry.file)
                removed += 1
            }
            return entry
        }
        return (carried, removed)
    }

    private mutating func takeRemoval(of file: DataFile) -> Bool {
        if file.content == .data {
            missingData.remove(file.path)
            return planner.change.removedDataFiles.contains(file.path)
        }
        missingDeletes.remove(file.key)
        if planner.change.removedDeleteFiles.contains(file.key) { return true }
        return file.singleReferencedPath.map(planner.change.removedDataFiles.contains) ?? false
    }

    private func refuseDoubleVectors(_ entries: [ManifestEntry]) throws(IcebergError) {
        let added = Set(planner.change.addedDeleteFiles.filter(\.isDeletionVector).compactMap(\.referencedDataFile))
        guard !added.isEmpty else { return }
        for entry in entries where entry.isLive && entry.file.isDeletionVector {
            if let path = entry.file.referencedDataFile, added.contains(path) {
                throw IcebergError(
                    .invalid, "has a deletion vector already, which must be merged and removed", in: path)
            }
        }
    }

    /// Adds new files, in one manifest per spec. They inherit their sequence numbers, so the manifest does not depend
    /// on them.
    mutating func add(_ added: [DataFile], content: ManifestContent) throws {
        for (specID, group) in Dictionary(grouping: added, by: \.specID).sorted(by: { $0.key < $1.key }) {
            let entries = group.map { file in
                var file = file
                if content == .data, metadata.formatVersion >= 3 { file.firstRowID = nil }
                totals.add(file)
                let number = content == .data ? planner.change.dataSequenceNumber : nil
                return ManifestEntry(
                    status: .added, snapshotID: identity.snapshotID, sequenceNumber: number, fileSequenceNumber: nil,
                    file: file)
            }
            fresh.append(try write(entries, content, specID))
        }
    }

    private mutating func write(
        _ entries: [ManifestEntry], _ content: ManifestContent, _ specID: Int
    ) throws -> ManifestFile {
        guard let spec = metadata.spec(specID) else {
            throw IcebergError(.invalid, "no partition spec has the id \(specID)")
        }
        let path = "\(metadata.metadataFolder)/\(identity.uuid)-m\(files.count).avro"
        assert(!planner.parents.contains { $0.path == path }, "a manifest is replaced, never changed")
        let result = try ManifestWriter.manifest(
            entries, content: content, path: path, spec: spec, metadata: metadata, snapshotID: identity.snapshotID,
            sequenceNumber: sequenceNumber, sync: identity.sync)
        files.append(PlannedFile(path: path, bytes: result.bytes))
        return result.file
    }

    private static func notGiven(_ manifest: ManifestFile) -> IcebergError {
        IcebergError(.missing, "the commit needs its entries", in: manifest.path)
    }
}

extension Build {
    consuming func finish() throws -> CommitPlan {
        if let path = missingData.min() {
            throw IcebergError(.invalid, "cannot be removed, the table does not have it", in: path)
        }
        if let key = missingDeletes.min(by: { $0.path < $1.path }) {
            throw IcebergError(.invalid, "cannot be removed, the table does not have it", in: "\(key)")
        }
        let (manifests, addedRows) = try assignRowIDs(fresh + rewritten + kept)
        var snapshot = snapshot()
        if metadata.formatVersion >= 3 {
            snapshot.firstRowID = metadata.nextRowID ?? 0
            snapshot.addedRows = addedRows
        }
        let list = try ManifestWriter.list(
            manifests, snapshot: snapshot, formatVersion: metadata.formatVersion, sync: identity.sync)
        var updates: [TableUpdate] = []
        if !planner.change.properties.isEmpty { updates.append(.setProperties(planner.change.properties)) }
        updates.append(.addSnapshot(snapshot))
        updates.append(.setSnapshotRef(name: SnapshotRef.main, .branch(snapshot.id)))
        return CommitPlan(
            files: files + [PlannedFile(path: snapshot.manifestList, bytes: list)], snapshot: snapshot,
            requirements: [
                .uuid(metadata.uuid), .refSnapshot(name: SnapshotRef.main, metadata.refs[SnapshotRef.main]?.snapshotID),
                .formatVersion(metadata.formatVersion),
            ], updates: updates, manifests: manifests)
    }

    private func snapshot() -> Snapshot {
        let parent = metadata.currentSnapshot
        var summary = totals.summary(after: parent, isFirst: parent == nil)
        summary["manifests-created"] = "\(fresh.count + rewritten.count)"
        summary["manifests-kept"] = "\(kept.count)"
        summary["manifests-replaced"] = "\(replacedCount)"
        summary["entries-processed"] = "\(processedCount)"
        summary.merge(planner.change.summary) { $1 }
        // Readers order snapshots by time, so the time never decreases, even if the clock goes back.
        let time = max(identity.nowMilliseconds, parent?.timestampMilliseconds ?? 0, metadata.lastUpdatedMilliseconds)
        return Snapshot(
            id: identity.snapshotID, parentID: parent?.id, sequenceNumber: sequenceNumber, timestampMilliseconds: time,
            manifestList: "\(metadata.metadataFolder)/snap-\(identity.snapshotID)-1-\(identity.uuid).avro",
            operation: operation, summary: summary, schemaID: metadata.currentSchemaID)
    }

    /// v3: assigns row ids from the table's next one on to data manifests without them. Includes existing rows, so
    /// files of an upgraded table get theirs (https://iceberg.apache.org/spec/#first-row-id-assignment).
    private func assignRowIDs(
        _ manifests: [ManifestFile]
    ) throws(IcebergError) -> (manifests: [ManifestFile], rows: Int64) {
        guard metadata.formatVersion >= 3 else { return (manifests, 0) }
        let first = metadata.nextRowID ?? 0
        var next = first
        var assigned = manifests
        for (index, manifest) in manifests.enumerated() where manifest.content == .data && manifest.firstRowID == nil {
            assigned[index].firstRowID = next
            let rows = (manifest.addedRowsCount ?? 0).addingReportingOverflow(manifest.existingRowsCount ?? 0)
            let sum = next.addingReportingOverflow(rows.partialValue)
            guard !rows.overflow, rows.partialValue >= 0, !sum.overflow else {
                throw IcebergError(.malformed, "its row counts are negative or too large", in: manifest.path)
            }
            next = sum.partialValue
        }
        return (assigned, next - first)
    }
}
