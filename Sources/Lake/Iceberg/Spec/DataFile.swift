// What manifests say of data files and delete files (https://iceberg.apache.org/spec/#manifests), as values.

/// What a file holds.
package enum FileContent: Int, Sendable {
    /// Rows.
    case data = 0
    /// Positions of deleted rows: a position-delete file, or a deletion vector.
    case positionDeletes = 1
    /// Values of deleted rows. Read, so that a table that has them can be refused; never written here.
    case equalityDeletes = 2
}

/// Counts and bounds of columns, by column id.
package struct FileMetrics: Sendable, Equatable {
    /// Bytes on disk.
    package var columnSizes: [Int: Int64] = [:]
    /// Values, nulls and NaNs included.
    package var valueCounts: [Int: Int64] = [:]
    /// Nulls.
    package var nullValueCounts: [Int: Int64] = [:]
    /// NaNs.
    package var nanValueCounts: [Int: Int64] = [:]
    /// A value that none is below, in binary single-value form; see `Bounds` for text.
    package var lowerBounds: [Int: [UInt8]] = [:]
    /// A value that none is above, in binary single-value form.
    package var upperBounds: [Int: [UInt8]] = [:]

    /// No metrics.
    package init() {}
}

/// One file of a table: data, position deletes, or one deletion vector within a Puffin file.
package struct DataFile: Sendable, Equatable {
    /// What names a file within a table: several deletion vectors share a Puffin file.
    package struct Key: Hashable, Sendable, CustomStringConvertible {
        /// Where the file is.
        package let path: String
        /// Where the deletion vector begins in it; nil for other files.
        package let contentOffset: Int64?

        /// The key of a file, or of a deletion vector within one.
        package init(path: String, contentOffset: Int64? = nil) {
            self.path = path
            self.contentOffset = contentOffset
        }

        /// For messages.
        package var description: String { contentOffset.map { "\(path) at byte \($0)" } ?? path }
    }

    /// What it holds.
    package var content: FileContent
    /// Where it is, an absolute address.
    package var path: String
    /// `PARQUET`, `PUFFIN` and so on.
    package var format: String
    /// The partition spec it was written with.
    package var specID: Int
    /// The values of the spec's fields, in its order.
    package var partition: [Literal?]
    /// Rows; for deletes, deleted positions.
    package var recordCount: Int64
    /// The size of the file, in bytes.
    package var fileSizeBytes: Int64
    /// Counts and bounds.
    package var metrics = FileMetrics()
    /// Encryption key metadata, kept as it is.
    package var keyMetadata: [UInt8]?
    /// Where row groups begin, ascending.
    package var splitOffsets: [Int64] = []
    /// Columns of equality deletes.
    package var equalityIDs: [Int] = []
    /// The sort order of its rows.
    package var sortOrderID: Int?
    /// v3: the row id of its first row.
    package var firstRowID: Int64?
    /// The one data file that the deletes are of; required for deletion vectors.
    package var referencedDataFile: String?
    /// Where a deletion vector begins in its Puffin file.
    package var contentOffset: Int64?
    /// How long a deletion vector is.
    package var contentSizeBytes: Int64?

    /// A file with the fields that all files have.
    package init(
        content: FileContent, path: String, format: String = "PARQUET", specID: Int, partition: [Literal?],
        recordCount: Int64, fileSizeBytes: Int64
    ) {
        self.content = content
        self.path = path
        self.format = format
        self.specID = specID
        self.partition = partition
        self.recordCount = recordCount
        self.fileSizeBytes = fileSizeBytes
    }

    /// The manifest's view of a position-delete file.
    ///
    /// - Parameters:
    ///   - paths: the first and the last data file that it names, whole; when they are one, readers of others skip it.
    package static func positionDeletes(
        path: String, specID: Int, partition: [Literal?], recordCount: Int64, fileSizeBytes: Int64,
        of paths: (first: String, last: String)
    ) -> DataFile {
        var file = DataFile(
            content: .positionDeletes, path: path, specID: specID, partition: partition, recordCount: recordCount,
            fileSizeBytes: fileSizeBytes)
        file.metrics.lowerBounds[ReservedField.deletePath.id] = [UInt8](paths.first.utf8)
        file.metrics.upperBounds[ReservedField.deletePath.id] = [UInt8](paths.last.utf8)
        if paths.first.utf8.elementsEqual(paths.last.utf8) { file.referencedDataFile = paths.first }
        return file
    }

    /// The manifest's view of a deletion vector.
    ///
    /// - Parameters:
    ///   - path: the Puffin file; `fileSizeBytes` is its whole size.
    ///   - blob: where the vector is within it.
    ///   - dataFile: the file whose rows it deletes; the partition is taken from it.
    package static func deletionVector(
        path: String, fileSizeBytes: Int64, blob: PuffinBlob, cardinality: Int64, of dataFile: DataFile
    ) -> DataFile {
        var file = DataFile(
            content: .positionDeletes, path: path, format: "PUFFIN", specID: dataFile.specID,
            partition: dataFile.partition, recordCount: cardinality, fileSizeBytes: fileSizeBytes)
        file.referencedDataFile = dataFile.path
        file.contentOffset = blob.offset
        file.contentSizeBytes = blob.length
        return file
    }

    /// What names it within the table.
    package var key: Key { Key(path: path, contentOffset: isDeletionVector ? contentOffset : nil) }

    /// Whether it is a deletion vector.
    package var isDeletionVector: Bool { content == .positionDeletes && format.uppercased() == "PUFFIN" }

    /// The one data file that deletes are of: as stated, or because the bounds of their paths are equal.
    package var singleReferencedPath: String? {
        if let referencedDataFile { return referencedDataFile }
        guard content == .positionDeletes, let lower = metrics.lowerBounds[ReservedField.deletePath.id],
            lower == metrics.upperBounds[ReservedField.deletePath.id]
        else { return nil }
        return String(validating: lower, as: UTF8.self)
    }
}

/// Whether a manifest's file is part of the snapshot.
package enum EntryStatus: Int, Sendable {
    /// It was before.
    case existing = 0
    /// It was added by the manifest's snapshot.
    case added = 1
    /// It was removed by the manifest's snapshot.
    case deleted = 2
}

/// One line of a manifest. Once read, ids and numbers that are inherited are filled in.
package struct ManifestEntry: Sendable, Equatable {
    /// Whether the file is part of the snapshot.
    package var status: EntryStatus
    /// The snapshot that added the file, or removed it.
    package var snapshotID: Int64?
    /// The file's data sequence number, which decides which deletes apply.
    package var sequenceNumber: Int64?
    /// The sequence number of the commit that added the file.
    package var fileSequenceNumber: Int64?
    /// The file.
    package var file: DataFile

    /// An entry.
    package init(
        status: EntryStatus, snapshotID: Int64?, sequenceNumber: Int64?, fileSequenceNumber: Int64?, file: DataFile
    ) {
        self.status = status
        self.snapshotID = snapshotID
        self.sequenceNumber = sequenceNumber
        self.fileSequenceNumber = fileSequenceNumber
        self.file = file
    }

    /// Whether the file is part of the snapshot.
    package var isLive: Bool { status != .deleted }
}
