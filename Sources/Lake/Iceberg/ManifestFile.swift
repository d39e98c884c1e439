// Purpose: what a manifest list says of a manifest (https://iceberg.apache.org/spec/#manifest-lists), as a value.

/// Which kind of files a manifest lists.
public enum ManifestContent: Int, Sendable {
    /// Data files.
    case data = 0
    /// Delete files.
    case deletes = 1
}

/// The range of one partition field over a manifest.
public struct PartitionSummary: Sendable, Equatable {
    /// Whether some file has null.
    public var containsNull: Bool
    /// Whether some file has NaN; nil when not known.
    public var containsNaN: Bool?
    /// The smallest value, in binary single-value form; nil when all are null.
    public var lowerBound: [UInt8]?
    /// The largest value.
    public var upperBound: [UInt8]?
}

/// One manifest, as a manifest list shows it.
public struct ManifestFile: Sendable, Equatable {
    /// Where it is.
    public var path: String
    /// Its size in bytes.
    public var lengthBytes: Int64
    /// The partition spec of all its files.
    public var specID: Int
    /// Which kind of files it lists.
    public var content: ManifestContent
    /// The sequence number of the commit that added it; inherited by its entries.
    public var sequenceNumber: Int64
    /// The smallest data sequence number of its live files.
    public var minSequenceNumber: Int64
    /// The snapshot that added it; inherited by its entries.
    public var addedSnapshotID: Int64
    /// Entries with status added; nil when the writer did not say.
    public var addedFilesCount: Int?
    /// Entries with status existing.
    public var existingFilesCount: Int?
    /// Entries with status deleted.
    public var deletedFilesCount: Int?
    /// Rows of the added files.
    public var addedRowsCount: Int64?
    /// Rows of the existing files.
    public var existingRowsCount: Int64?
    /// Rows of the deleted files.
    public var deletedRowsCount: Int64?
    /// The range of each field of the spec; empty when the writer did not say.
    public var partitions: [PartitionSummary]
    /// Encryption key metadata, kept as it is.
    public var keyMetadata: [UInt8]?
    /// v3: the first row id for its files that have none; nil for delete manifests.
    public var firstRowID: Int64?

    /// Whether it may list live files, says the manifest list: `check` compares.
    public var hasLiveFiles: Bool { addedFilesCount != 0 || existingFilesCount != 0 }

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
