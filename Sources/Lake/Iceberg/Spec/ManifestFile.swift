// What a manifest list says of a manifest (https://iceberg.apache.org/spec/#manifest-lists), as a value.

/// Which kind of files a manifest lists.
package enum ManifestContent: Int, Sendable {
    /// Data files.
    case data = 0
    /// Delete files.
    case deletes = 1
}

/// The range of one partition field over a manifest.
package struct PartitionSummary: Sendable, Equatable {
    /// Whether some file has null.
    package var containsNull: Bool
    /// Whether some file has NaN; nil when not known.
    package var containsNaN: Bool?
    /// The smallest value, in binary single-value form; nil when all are null.
    package var lowerBound: [UInt8]?
    /// The largest value.
    package var upperBound: [UInt8]?
}

/// One manifest, as a manifest list shows it.
package struct ManifestFile: Sendable, Equatable {
    /// Where it is.
    package var path: String
    /// Its size in bytes.
    package var lengthBytes: Int64
    /// The partition spec of all its files.
    package var specID: Int
    /// Which kind of files it lists.
    package var content: ManifestContent
    /// The sequence number of the commit that added it; inherited by its entries.
    package var sequenceNumber: Int64
    /// The smallest data sequence number of its live files.
    package var minSequenceNumber: Int64
    /// The snapshot that added it; inherited by its entries.
    package var addedSnapshotID: Int64
    /// Entries with status added; nil when the writer did not say.
    package var addedFilesCount: Int?
    /// Entries with status existing.
    package var existingFilesCount: Int?
    /// Entries with status deleted.
    package var deletedFilesCount: Int?
    /// Rows of the added files.
    package var addedRowsCount: Int64?
    /// Rows of the existing files.
    package var existingRowsCount: Int64?
    /// Rows of the deleted files.
    package var deletedRowsCount: Int64?
    /// The range of each field of the spec; empty when the writer did not say.
    package var partitions: [PartitionSummary]
    /// Encryption key metadata, kept as it is.
    package var keyMetadata: [UInt8]?
    /// v3: the first row id for its files that have none; nil for delete manifests.
    package var firstRowID: Int64?

    /// Whether it may list live files, says the manifest list: `check` compares.
    package var hasLiveFiles: Bool { addedFilesCount != 0 || existingFilesCount != 0 }

    /// Checks that it has no live file where the manifest list says so: rows would be missing without a word.
    /// - Throws: `IcebergError` of kind `malformed`.
    func check(_ entries: [ManifestEntry]) throws(IcebergError) {
        let live = hasLiveFiles ? 0 : entries.count(where: \.isLive)
        guard live == 0 else {
            throw IcebergError(
                .malformed, "the manifest list says that it has no live file, and it has \(live)", in: path)
        }
    }
}
