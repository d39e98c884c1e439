// One snapshot, planned: which manifests to write, which to keep, the manifest list, the updates and the
// requirements. Pure: the caller reads what `CommitPlanner.manifestsToRead` names and writes what the plan holds.
// Invariants: manifests are never changed, only replaced; a kept file keeps its sequence numbers and row ids; every
// removed file was live; no equality delete is ever added; each data file has at most one deletion vector.

/// A file to write before the commit.
package struct PlannedFile: Sendable, Equatable {
    /// Where.
    package let path: String
    /// What.
    package let bytes: [UInt8]
}

/// A snapshot ready to be committed.
package struct CommitPlan: Sendable, Equatable {
    /// Manifests and the manifest list; they must be stored before the commit is tried.
    package let files: [PlannedFile]
    /// The snapshot that `updates` adds.
    package let snapshot: Snapshot
    /// What must hold.
    package let requirements: [TableRequirement]
    /// What to change.
    package let updates: [TableUpdate]
    /// All manifests of the snapshot.
    package let manifests: [ManifestFile]
}

/// Plans one snapshot.
package struct CommitPlanner: Sendable {
    let metadata: TableMetadata
    let parents: [ManifestFile]
    let change: ChangeSet
    let policy: ManifestPolicy

    /// A planner on top of the current snapshot, whose manifests are `parents` (none without a snapshot).
    ///
    /// Throws `IcebergError` of kind `invalid` when the change set cannot be committed to this table whatever its files:
    /// equality deletes, deletion vectors in v2, position-delete files in v3, a file of another partition spec.
    package init(
        metadata: TableMetadata, parents: [ManifestFile], change: ChangeSet, policy: ManifestPolicy = ManifestPolicy()
    ) throws(IcebergError) {
        self.metadata = metadata
        self.parents = parents
        self.change = change
        self.policy = policy
        for file in change.addedDataFiles { try check(file, content: .data) }
        for file in change.addedDeleteFiles { try checkDeletes(file) }
        let keys = change.addedDataFiles.map(\.key) + change.addedDeleteFiles.map(\.key)
        guard Set(keys).count == keys.count else { throw IcebergError(.invalid, "a file is added twice") }
        let vectors = change.addedDeleteFiles.filter(\.isDeletionVector).compactMap(\.referencedDataFile)
        guard Set(vectors).count == vectors.count else {
            throw IcebergError(.invalid, "two deletion vectors of one data file are added")
        }
        // A retry of a commit on top of itself: the caller looks for its commit id first.
        if let parent = metadata.currentSnapshot, parent.sequenceNumber > metadata.lastSequenceNumber {
            throw IcebergError(.invalid, "the current snapshot is beyond the last sequence number")
        }
    }

    private func check(_ file: DataFile, content: FileContent) throws(IcebergError) {
        guard file.content == content else {
            throw IcebergError(.invalid, "holds \(file.content), not \(content)", in: file.path)
        }
        guard let spec = metadata.spec(file.specID), spec.fields.count == file.partition.count else {
            throw IcebergError(.invalid, "its partition is not of spec \(file.specID)", in: file.path)
        }
        guard file.recordCount >= 0, file.fileSizeBytes >= 0 else {
            throw IcebergError(.invalid, "a negative size or row count", in: file.path)
        }
    }

    private func checkDeletes(_ file: DataFile) throws(IcebergError) {
        try check(file, content: .positionDeletes)
        guard file.isDeletionVector == (metadata.formatVersion >= 3) else {
            throw IcebergError(
                .invalid,
                metadata.formatVersion >= 3
                    ? "a v3 table takes deletion vectors, not position-delete files"
                    : "a v2 table takes position-delete files, not deletion vectors", in: file.path)
        }
        let isComplete =
            file.referencedDataFile != nil && file.contentOffset != nil && file.contentSizeBytes != nil
        guard !file.isDeletionVector || isComplete else {
            throw IcebergError(.invalid, "a deletion vector needs its data file, offset and size", in: file.path)
        }
    }

    /// The parent manifests whose entries `plan` needs: those that may list a removed file, those to be merged, and those that
    /// are left behind because they are said to have no live file, since the reader of their entries checks that.
    package func manifestsToRead() -> [ManifestFile] {
        let merging = Set(manifestsToMerge().map(\.path))
        return parents.filter { !$0.hasLiveFiles || mayHoldRemoved($0) || merging.contains($0.path) }
    }

    private func mayHoldRemoved(_ manifest: ManifestFile) -> Bool {
        switch manifest.content {
        case .data: !change.removedDataFiles.isEmpty
        // A new deletion vector may meet one that nobody said was to be replaced: that must be seen.
        case .deletes:
            !change.removedDeleteFiles.isEmpty || !change.removedDataFiles.isEmpty
                || change.addedDeleteFiles.contains(where: \.isDeletionVector)
        }
    }

    /// The small manifests of each kind and spec that has too many.
    func manifestsToMerge() -> [ManifestFile] {
        var groups: [MergeGroup: [ManifestFile]] = [:]
        for manifest in parents where manifest.hasLiveFiles {
            groups[MergeGroup(content: manifest.content, specID: manifest.specID), default: []].append(manifest)
        }
        return groups.values.flatMap { group -> [ManifestFile] in
            guard group.count >= policy.mergeAbove else { return [] }
            let small = group.filter { $0.lengthBytes < policy.targetBytes / 2 }
            return small.count > 1 ? small : []
        }
    }

    struct MergeGroup: Hashable {
        let content: ManifestContent
        let specID: Int
    }
}
