// Plans one snapshot: the manifests to write and to keep, the manifest list, the updates and the requirements. Pure:
// the caller reads the manifests of `CommitPlanner.manifestsToRead` and writes the files of the plan.
// Invariant: manifests are replaced, never changed, so kept files keep their sequence numbers and row ids.
// The planner throws when a removed file is not live, an equality delete is added, or a data file would have two
// deletion vectors.

/// A file to write before the commit.
package struct PlannedFile: Sendable, Equatable {
    /// Its location.
    package let path: String
    /// Its content.
    package let bytes: [UInt8]
}

/// A snapshot ready to commit.
package struct CommitPlan: Sendable, Equatable {
    /// Manifests and the manifest list, which the caller stores before the commit.
    package let files: [PlannedFile]
    /// The snapshot that `updates` adds.
    package let snapshot: Snapshot
    /// The conditions of the commit.
    package let requirements: [TableRequirement]
    /// The changes of the metadata.
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

    /// A planner on top of the current snapshot, whose manifests are `parents` (empty without a snapshot).
    ///
    /// Throws `invalid` for a change set that this table cannot take: equality deletes, deletion vectors in v2,
    /// position-delete files in v3, a file with an unknown partition spec, a file or a deletion vector added twice.
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
        // Damaged metadata: the new sequence number would not be above the parent's.
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

    /// The parent manifests whose entries `plan` needs: those that may list a removed file, those to merge, and those
    /// without live files by the manifest list, which the plan drops and `ManifestReader` verifies.
    package func manifestsToRead() -> [ManifestFile] {
        let merging = Set(manifestsToMerge().map(\.path))
        return parents.filter { !$0.hasLiveFiles || mayHoldRemoved($0) || merging.contains($0.path) }
    }

    private func mayHoldRemoved(_ manifest: ManifestFile) -> Bool {
        switch manifest.content {
        case .data: !change.removedDataFiles.isEmpty
        // A new deletion vector may collide with one that the change set does not remove; the plan detects it.
        case .deletes:
            !change.removedDeleteFiles.isEmpty || !change.removedDataFiles.isEmpty
                || change.addedDeleteFiles.contains(where: \.isDeletionVector)
        }
    }

    /// The small manifests of each kind and spec with more manifests than the policy allows.
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
