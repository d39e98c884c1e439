// A prepared commit: everything that the exporter needs to go on after a crash, as it is stored in the ledger.
//
// Invariants: an intent is durable before its first file leaves the machine; its local files never change, so uploading one
// twice is the same as once. A rewrite exports nothing: it has no segments, and its offsets are empty.

package import Base
package import Foundation

/// What the manifest says of one written Parquet file, kept while the file waits in the spool.
package struct ParquetMetrics: Codable, Equatable, Sendable {
    /// The metrics of one column.
    package struct ColumnMetrics: Codable, Equatable, Sendable {
        /// The column's field id.
        package var id: Int
        /// Its compressed size in bytes.
        package var bytes: Int64
        /// Its values, nulls included.
        package var values: Int64
        /// Its nulls.
        package var nulls: Int64
        /// Binary single-value form (https://iceberg.apache.org/spec/#binary-single-value-serialization).
        package var lower: Data?
        /// The same.
        package var upper: Data?

        /// The metrics of one column.
        package init(id: Int, bytes: Int64, values: Int64, nulls: Int64, lower: Data?, upper: Data?) {
            (self.id, self.bytes, self.values, self.nulls) = (id, bytes, values, nulls)
            (self.lower, self.upper) = (lower, upper)
        }
    }

    /// Its rows.
    package var rows: Int64
    /// Its size in bytes.
    package var bytes: Int64
    /// Its columns, in the order of the file.
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
    /// Where it goes.
    package var location: String
    /// The day of its rows, since 1970-01-01. The partition follows from it, when it is committed.
    package var day: Int
    /// What its manifest entry says.
    package var metrics: ParquetMetrics
    /// Position deletes only: the one data file they apply to, when it is one.
    package var referencedDataFile: String?
    /// Position deletes only: the partition spec of the data files they apply to. nil: the one in force when they are
    /// committed.
    package var specID: Int?

    /// A file.
    package init(
        name: String, location: String, day: Int, metrics: ParquetMetrics, referencedDataFile: String? = nil,
        specID: Int? = nil
    ) {
        (self.name, self.location, self.day, self.metrics) = (name, location, day, metrics)
        (self.referencedDataFile, self.specID) = (referencedDataFile, specID)
    }

    /// `facts` is the name that version 0.1 gave the metrics.
    private enum CodingKeys: String, CodingKey {
        case name, location, day, metrics = "facts", referencedDataFile, specID
    }
}

/// Any other file of a commit.
package struct PlainUpload: Codable, Equatable, Sendable {
    /// The file's name in the spool folder.
    package var name: String
    /// Where it goes.
    package var location: String
    /// Its size in bytes, and its CRC-32, as it was written; nil for one of an earlier version.
    package var bytes: Int64?
    package var checksum: UInt32?

    /// A file.
    package init(name: String, location: String, bytes: Int64? = nil, checksum: UInt32? = nil) {
        (self.name, self.location, self.bytes, self.checksum) = (name, location, bytes, checksum)
    }
}

/// The files that a commit adds, and what its snapshot says.
package struct CommitFiles: Codable, Equatable, Sendable {
    /// Data files.
    package var data: [ParquetUpload] = []
    /// Position deletes (v2).
    package var deletes: [ParquetUpload] = []
    /// JSON lines.
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

/// A delete file, or a deletion vector within a Puffin file, by its place.
package struct DeleteName: Codable, Hashable, Sendable {
    /// The file's location.
    package var path: String
    /// Where the vector begins in it; nil for a delete file.
    package var offset: Int64?

    /// A name.
    package init(path: String, offset: Int64?) { (self.path, self.offset) = (path, offset) }
}

/// What a rewrite takes out of the table, and what it assumed when it read it.
package struct RewrittenFiles: Codable, Equatable, Sendable {
    /// The data files that it replaces.
    package var replaced: [String] = []
    /// Delete files that apply to no other data file.
    package var replacedDeletes: [DeleteName] = []
    /// The sequence number that it was read at.
    package var sequenceNumber: Int64?
    /// The snapshot that it was read at.
    package var readSnapshot: Int64?
    /// The deletes that were applied, by data file, in order.
    package var deletesRead: [String: [DeleteName]] = [:]

    /// Nothing yet.
    package init() {}
}

/// A commit that was prepared.
package struct Intent: Equatable, Sendable {
    /// What the commit does to its table.
    package enum Work: Codable, Equatable, Sendable {
        /// Appends raw segments, given by their names.
        case segments([String], CommitFiles)
        /// Writes changed counts and deletes their old rows.
        case counts(CommitFiles)
        /// Replaces files by others with the same rows, and exports nothing.
        case rewrite(CommitFiles, RewrittenFiles)
    }

    /// Names the commit in the table's history.
    package var commitID: String
    /// The table.
    package var table: ExportTable
    /// The table's full name, for people.
    package var tableName: String
    /// The state's generation that it brings the table to.
    package var generation: Generation
    /// The offsets that it adds, by partition.
    package var offsets: [PartitionID: OffsetSpan]
    /// Rows that it adds.
    package var rowsAdded: Int64
    /// Rows that it deletes (old versions of rows it adds).
    package var rowsDeleted: Int64
    /// The table's writer epoch once it is committed: one more than before.
    package var epoch: Int64
    /// What it does, and its files.
    package var work: Work

    /// An intent.
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

    /// The files written for it.
    package var files: CommitFiles {
        switch work {
        case .segments(_, let files), .counts(let files), .rewrite(let files, _): files
        }
    }

    /// The segments that it exports; empty for any other work.
    package var segments: [String] {
        if case .segments(let names, _) = work { return names }
        return []
    }

    /// What it takes out of the table; nil when it is no rewrite.
    package var rewritten: RewrittenFiles? {
        if case .rewrite(_, let files) = work { return files }
        return nil
    }

    /// It replaces what the table has and exports nothing new.
    package var isRewrite: Bool { rewritten != nil }
}

extension Intent: Codable {
    private enum CodingKeys: CodingKey {
        case commitID, table, tableName, generation, offsets, rowsAdded, rowsDeleted, epoch, work
    }

    /// As version 0.1 stored it: the files as JSON within the JSON, their kinds apart.
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
