// An entry of a manifest list (https://iceberg.apache.org/spec/#manifest-lists), as a value.

/// The kind of files in a manifest.
package enum ManifestContent: Int, Sendable {
    /// Data files.
    case data = 0
    /// Delete files.
    case deletes = 1
}

/// The range of one partition field over a manifest's files.
package struct PartitionSummary: Sendable, Equatable {
    /// Whether some file has null.
    package var containsNull: Bool
    /// Whether some file has NaN; nil when unknown.
    package var containsNaN: Bool?
    /// Lower bound, inclusive, in binary single-value form; nil when all values are null or NaN.
    package var lowerBound: [UInt8]?
    /// Upper bound, inclusive, in the same form.
    package var upperBound: [UInt8]?
}

/// A manifest's entry in a manifest list.
package struct ManifestFile: Sendable, Equatable {
    /// The manifest's location.
    package var path: String
    /// The manifest's size, in bytes.
    package var lengthBytes: Int64
    /// The id of the partition spec of all its files.
    package var specID: Int
    /// The kind of its files.
    package var content: ManifestContent
    /// The sequence number of the commit that added it; inherited by its entries.
    package var sequenceNumber: Int64
    /// The smallest data sequence number of its live files.
    package var minSequenceNumber: Int64
    /// The snapshot that added it; inherited by its entries.
    package var addedSnapshotID: Int64
    /// Number of entries with status added; nil in this and the next five when the writer did not state it.
    package var addedFilesCount: Int?
    /// Number of entries with status existing.
    package var existingFilesCount: Int?
    /// Number of entries with status deleted.
    package var deletedFilesCount: Int?
    /// Number of rows in the added files.
    package var addedRowsCount: Int64?
    /// Number of rows in the existing files.
    package var existingRowsCount: Int64?
    /// Number of rows in the deleted files.
    package var deletedRowsCount: Int64?
    /// The range of each field of the spec; empty when the writer did not state it.
    package var partitions: [PartitionSummary]
    /// Encryption key metadata, kept unchanged.
    package var keyMetadata: [UInt8]?
    /// v3: the first row id to assign to files without one; nil for delete manifests.
    package var firstRowID: Int64?

    /// Whether it may list live files by the manifest list's counts, which `check` verifies.
    package var hasLiveFiles: Bool { addedFilesCount != 0 || existingFilesCount != 0 }

    /// Checks a manifest without live files by the manifest list, whose rows would otherwise be lost silently.
    /// - Throws: `malformed` when it has live files.
    func check(_ entries: [ManifestEntry]) throws(IcebergError) {
        let live = hasLiveFiles ? 0 : entries.count(where: \.isLive)
        guard live == 0 else {
            throw IcebergError(
                .malformed, "the manifest list says that it has no live file, and it has \(live)", in: path)
        }
    }
}
