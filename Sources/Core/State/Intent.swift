// A prepared commit: everything that the exporter needs to resume after a crash, as the ledger stores it.
//
// `Store.prepare` makes an intent durable before the exporter uploads its first file. The local files never change, so
// a repeated upload has no further effect. Invariant: a rewrite exports nothing. It has no segments (by its type), and
// its offsets are empty (checked by `Store.prepare`).

package import Base
package import Foundation

/// The metrics of a Parquet file for its manifest entry, stored while the file waits in the spool.
package struct ParquetMetrics: Codable, Equatable, Sendable {
    /// The metrics of one column.
    package struct ColumnMetrics: Codable, Equatable, Sendable {
        /// The column's field id.
        package var id: Int
        /// The compressed size, in bytes.
        package var bytes: Int64
        /// The number of values, nulls included.
        package var values: Int64
        /// The number of nulls.
        package var nulls: Int64
        /// The lower bound, serialized as in https://iceberg.apache.org/spec/#binary-single-value-serialization.
        package var lower: Data?
        /// The upper bound, serialized likewise.
        package var upper: Data?

        /// Metrics from their parts.
        package init(id: Int, bytes: Int64, values: Int64, nulls: Int64, lower: Data?, upper: Data?) {
            (self.id, self.bytes, self.values, self.nulls) = (id, bytes, values, nulls)
            (self.lower, self.upper) = (lower, upper)
        }
    }

    /// The number of rows.
    package var rows: Int64
    /// The size of the file, in bytes.
    package var bytes: Int64
    /// The columns, in the order of the file.
    package var columns: [ColumnMetrics]
    /// The offsets of its row groups in the file.
    package var splitOffsets: [Int64]
    /// The CRC-32 of the file as it was written; nil for one of an earlier version.
    package var checksum: UInt32?

    /// Metrics from their parts.
    package init(rows: Int64, bytes: Int64, columns: [ColumnMetrics], splitOffsets: [Int64]) {
        (self.rows, self.bytes, self.columns, self.splitOffsets) = (rows, bytes, columns, splitOffsets)
    }
}

/// A Parquet file of a commit.
package struct ParquetUpload: Codable, Equatable, Sendable {
    /// The file's name in the spool folder.
    package var name: String
    /// Its location in the warehouse.
    package var location: String
    /// The day of its rows, in days since 1970-01-01. The commit derives the partition from it.
    package var day: Int
    /// The metrics for its manifest entry.
    package var metrics: ParquetMetrics

    /// A file from its parts.
    package init(name: String, location: String, day: Int, metrics: ParquetMetrics) {
        (self.name, self.location, self.day, self.metrics) = (name, location, day, metrics)
    }

    /// `facts` is the name that version 0.1 gave the metrics.
    private enum CodingKeys: String, CodingKey {
        case name, location, day, metrics = "facts"
    }
}

/// Any other file of a commit.
package struct PlainUpload: Codable, Equatable, Sendable {
    /// The file's name in the spool folder.
    package var name: String
    /// Its location in the warehouse.
    package var location: String
    /// Its size in bytes, and its CRC-32, as it was written; nil for one of an earlier version.
    package var bytes: Int64?
    package var checksum: UInt32?

    /// A file from its parts.
    package init(name: String, location: String, bytes: Int64? = nil, checksum: UInt32? = nil) {
        (self.name, self.location, self.bytes, self.checksum) = (name, location, bytes, checksum)
    }
}

/// The files that a commit adds, and the entries of its snapshot's summary.
package struct CommitFiles: Codable, Equatable, Sendable {
    /// Data files.
    package var data: [ParquetUpload] = []
    /// Position deletes that an earlier version prepared, now only files to remove: each try of a commit writes the
    /// deletes of the staged rows.
    package var deletes: [ParquetUpload] = []
    /// JSON lines, which are not part of the table.
    package var plain: [PlainUpload] = []
    /// Entries of the snapshot's summary.
    package var summary: [String: String] = [:]

    /// No files yet.
    package init() {}

    /// Every file as (local name, location).
    package var uploads: [(name: String, location: String)] {
        (data + deletes).map { ($0.name, $0.location) } + plain.map { ($0.name, $0.location) }
    }
}

/// The location of a delete file, or of a deletion vector in a Puffin file.
package struct DeleteName: Codable, Hashable, Sendable {
    /// The file's location.
    package var path: String
    /// The offset of the vector in the file; nil for a delete file.
    package var offset: Int64?

    /// A name from its parts.
    package init(path: String, offset: Int64?) { (self.path, self.offset) = (path, offset) }
}

/// The files that a rewrite removes from the table, and the table's version that it read.
package struct RewrittenFiles: Codable, Equatable, Sendable {
    /// The data files that the rewrite replaces.
    package var replaced: [String] = []
    /// Delete files that apply to no other data file.
    package var replacedDeletes: [DeleteName] = []
    /// The sequence number of the snapshot that was read; nil for an empty table.
    package var sequenceNumber: Int64?
    /// The snapshot that was read; nil for an empty table.
    package var readSnapshot: Int64?
    /// The deletes that were applied, by data file, in the order of application.
    package var deletesRead: [String: [DeleteName]] = [:]

    /// No files yet.
    package init() {}
}

/// A prepared commit.
package struct Intent: Equatable, Sendable {
    /// The change that a commit makes to its table.
    package enum Work: Codable, Equatable, Sendable {
        /// Appends the raw segments with these names.
        case segments([String], CommitFiles)
        /// Adds changed counts and deletes their old rows.
        case counts(CommitFiles)
        /// Replaces files with others that have the same rows. Exports nothing.
        case rewrite(CommitFiles, RewrittenFiles)
    }

    /// The commit's id, which the table's history also has.
    package var commitID: String
    /// The table.
    package var table: ExportTable
    /// The table's full name, for people.
    package var tableName: String
    /// The state's generation that the table has after the commit.
    package var generation: Generation
    /// The offsets that the commit adds, by partition.
    package var offsets: [PartitionID: OffsetSpan]
    /// Rows to add.
    package var rowsAdded: Int64
    /// Rows to delete: old versions of the added ones.
    package var rowsDeleted: Int64
    /// The table's writer epoch after the commit: one more than before.
    package var epoch: Int64
    /// The change and its files.
    package var work: Work

    /// An intent from its parts.
    package init(
        commitID: String, table: ExportTable, tableName: String, generation: Generation,
        offsets: [PartitionID: OffsetSpan],
        rowsAdded: Int64, rowsDeleted: Int64, epoch: Int64, work: Work
    ) {
        self.commitID = commitID
        self.table = table
        self.tableName = tableName
        self.generation = generation
        self.offsets = offsets
        self.rowsAdded = rowsAdded
        self.rowsDeleted = rowsDeleted
        self.epoch = epoch
        self.work = work
    }

    /// The files of the commit.
    package var files: CommitFiles {
        switch work {
        case .segments(_, let files), .counts(let files), .rewrite(let files, _): files
        }
    }

    /// The names of the segments to export; empty for other work.
    package var segments: [String] {
        if case .segments(let names, _) = work { return names }
        return []
    }

    /// The files that a rewrite removes; nil for other work.
    package var rewritten: RewrittenFiles? {
        if case .rewrite(_, let files) = work { return files }
        return nil
    }

    /// Whether the commit is a rewrite, which exports nothing.
    package var isRewrite: Bool { rewritten != nil }
}

extension Intent: Codable {
    private enum CodingKeys: CodingKey {
        case commitID, table, tableName, generation, offsets, rowsAdded, rowsDeleted, epoch, work
    }

    /// The keys of version 0.1, which stored the files as JSON within the JSON.
    private enum OldKeys: CodingKey { case segments, isRewrite, payload }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            commitID: try values.decode(String.self, forKey: .commitID),
            table: try values.decode(ExportTable.self, forKey: .table),
            tableName: try values.decode(String.self, forKey: .tableName),
            generation: try values.decode(Generation.self, forKey: .generation),
            offsets: try values.decode([PartitionID: OffsetSpan].self, forKey: .offsets),
            rowsAdded: try values.decode(Int64.self, forKey: .rowsAdded),
            rowsDeleted: try values.decode(Int64.self, forKey: .rowsDeleted),
            epoch: try values.decode(Int64.self, forKey: .epoch),
            work: try values.decodeIfPresent(Work.self, forKey: .work) ?? Self.oldWork(decoder))
    }

    private static func oldWork(_ decoder: any Decoder) throws -> Work {
        let values = try decoder.container(keyedBy: OldKeys.self)
        let payload = try values.decode(Data.self, forKey: .payload)
        let files = try JSONDecoder().decode(CommitFiles.self, from: payload)
        if try values.decode(Bool.self, forKey: .isRewrite) {
            return .rewrite(files, try JSONDecoder().decode(RewrittenFiles.self, from: payload))
        }
        let segments = try values.decode([String].self, forKey: .segments)
        return segments.isEmpty ? .counts(files) : .segments(segments, files)
    }
}
