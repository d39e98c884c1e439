// Manifest entries for data files and delete files (https://iceberg.apache.org/spec/#manifests), as values.

/// The content of a file.
package enum FileContent: Int, Sendable {
    /// Rows.
    case data = 0
    /// Positions of deleted rows: a position-delete file, or a deletion vector.
    case positionDeletes = 1
    /// Values of deleted rows. Read only to refuse a table that has them, and never written.
    case equalityDeletes = 2
}

/// Counts and bounds of columns, by field id.
package struct FileMetrics: Sendable, Equatable {
    /// Size of each column in the file, in bytes.
    package var columnSizes: [Int: Int64] = [:]
    /// Number of values, including nulls and NaNs.
    package var valueCounts: [Int: Int64] = [:]
    /// Number of nulls.
    package var nullValueCounts: [Int: Int64] = [:]
    /// Number of NaNs.
    package var nanValueCounts: [Int: Int64] = [:]
    /// Lower bounds, inclusive, in binary single-value form (`Literal.binary`); see `Bounds` for text.
    package var lowerBounds: [Int: [UInt8]] = [:]
    /// Upper bounds, inclusive, in binary single-value form.
    package var upperBounds: [Int: [UInt8]] = [:]

    /// No metrics.
    package init() {}
}

/// One file of a table: data, position deletes, or one deletion vector within a Puffin file.
package struct DataFile: Sendable, Equatable {
    /// The identity of a file within a table. Several deletion vectors may share a Puffin file.
    package struct Key: Hashable, Sendable, CustomStringConvertible {
        /// The file's location.
        package let path: String
        /// The offset of the deletion vector in it, in bytes; nil for other files.
        package let contentOffset: Int64?

        /// The key of a file, or of a deletion vector within one.
        package init(path: String, contentOffset: Int64? = nil) {
            self.path = path
            self.contentOffset = contentOffset
        }

        /// The key in messages.
        package var description: String { contentOffset.map { "\(path) at byte \($0)" } ?? path }
    }

    /// The file's content.
    package var content: FileContent
    /// The file's absolute location.
    package var path: String
    /// The file format: `PARQUET`, `PUFFIN` and so on.
    package var format: String
    /// The id of the partition spec it was written with.
    package var specID: Int
    /// The partition values, in the order of the spec's fields.
    package var partition: [Literal?]
    /// Number of rows, or of deleted positions.
    package var recordCount: Int64
    /// The size of the whole file, in bytes.
    package var fileSizeBytes: Int64
    /// Counts and bounds of its columns.
    package var metrics = FileMetrics()
    /// Encryption key metadata, kept unchanged.
    package var keyMetadata: [UInt8]?
    /// The offsets of its row groups, in bytes, ascending.
    package var splitOffsets: [Int64] = []
    /// Field ids of the columns of equality deletes.
    package var equalityIDs: [Int] = []
    /// The id of the sort order of its rows.
    package var sortOrderID: Int?
    /// v3: the row id of its first row.
    package var firstRowID: Int64?
    /// The only data file that the deletes apply to; required for deletion vectors.
    package var referencedDataFile: String?
    /// The offset of a deletion vector in its Puffin file, in bytes.
    package var contentOffset: Int64?
    /// The length of a deletion vector, in bytes.
    package var contentSizeBytes: Int64?

    /// A file with the required fields.
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

    /// The manifest entry of a position-delete file.
    ///
    /// - Parameters:
    ///   - paths: the untruncated locations of the first and the last data file that it refers to. If they are equal,
    ///     readers of other data files skip it.
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

    /// The manifest entry of a deletion vector.
    ///
    /// - Parameters:
    ///   - path: the Puffin file's location; `fileSizeBytes` is the size of the whole Puffin file.
    ///   - blob: the vector's place within it.
    ///   - dataFile: the data file whose rows it deletes, which also gives the partition.
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

    /// The file's identity within the table.
    package var key: Key { Key(path: path, contentOffset: isDeletionVector ? contentOffset : nil) }

    /// Whether it is a deletion vector.
    package var isDeletionVector: Bool { content == .positionDeletes && format.uppercased() == "PUFFIN" }

    /// The only data file that the deletes apply to: as stated, or because the bounds of their paths are equal.
    package var singleReferencedPath: String? {
        if let referencedDataFile { return referencedDataFile }
        guard content == .positionDeletes, let lower = metrics.lowerBounds[ReservedField.deletePath.id],
            lower == metrics.upperBounds[ReservedField.deletePath.id]
        else { return nil }
        return String(validating: lower, as: UTF8.self)
    }
}

/// The status of a manifest entry.
package enum EntryStatus: Int, Sendable {
    /// An earlier snapshot added the file.
    case existing = 0
    /// The manifest's snapshot added the file.
    case added = 1
    /// The manifest's snapshot removed the file.
    case deleted = 2
}

/// An entry of a manifest. `ManifestReader` fills in inherited ids and numbers.
package struct ManifestEntry: Sendable, Equatable {
    /// The status of the file.
    package var status: EntryStatus
    /// The snapshot that added or removed the file.
    package var snapshotID: Int64?
    /// The file's data sequence number, which determines the deletes that apply.
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
