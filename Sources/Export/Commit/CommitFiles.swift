// The files of a prepared commit: local until it is settled, with the place that each has in the table.
// Invariant: a local file never changes, so uploading it twice is the same as once.

import Foundation
import Iceberg
import Store

/// A Parquet file of a commit.
struct ParquetUpload: Codable, Equatable {
    /// The file's name in the spool folder.
    var name: String
    /// Where it goes.
    var location: String
    /// The day of its rows, since 1970-01-01. The partition follows from it, when it is committed.
    var day: Int
    var facts: FileFacts
    /// Of position deletes: the one data file they are of, when it is one.
    var referencedDataFile: String?
    /// Of position deletes: the spec of the data files they are of, which alone they apply to. nil: the one in force
    /// when it is committed.
    var specID: Int?

    /// The file as a manifest has it: data files in the spec in force, position deletes in that of their data files.
    /// - Throws: `ExportError.otherPartitions`.
    func dataFile(
        _ content: FileContent, _ kind: ExportTable, in metadata: TableMetadata, table: String
    ) throws(ExportError) -> DataFile {
        let id = specID ?? metadata.defaultSpecID
        guard let spec = metadata.spec(id), let partition = kind.partition(ofDay: day, in: spec) else {
            throw ExportError.otherPartitions(
                table: table, spec: metadata.spec(id)?.text(in: metadata.currentSchema) ?? "", specID: id)
        }
        var file = facts.dataFile(content: content, location: location, specID: id, partition: partition)
        file.referencedDataFile = referencedDataFile
        return file
    }
}

/// Any other file of a commit.
struct PlainUpload: Codable, Equatable {
    var name: String
    var location: String
}

/// A delete file, or a deletion vector within a Puffin file, as it is stored.
struct DeleteName: Codable, Hashable {
    var path: String
    var offset: Int64?

    init(_ file: DataFile) { (path, offset) = (file.key.path, file.key.contentOffset) }

    var key: DataFile.Key { DataFile.Key(path: path, contentOffset: offset) }

    /// The deletes of a data file, in order.
    static func all(of task: ScanTask) -> [DeleteName] {
        ((task.deletionVector.map { [$0] } ?? []) + task.positionDeletes).map { DeleteName($0) }
            .sorted { ($0.path, $0.offset ?? 0) < ($1.path, $1.offset ?? 0) }
    }
}

/// All files of a commit, and what its snapshot says.
struct CommitFiles: Codable, Equatable {
    var data: [ParquetUpload] = []
    /// Position deletes (v2).
    var deletes: [ParquetUpload] = []
    /// JSON lines.
    var plain: [PlainUpload] = []
    /// Of a rewrite: the data files it replaces.
    var replaced: [String] = []
    /// Of a rewrite: the delete files that are of nothing else.
    var replacedDeletes: [DeleteName] = []
    /// Of a rewrite: the sequence number it was read at.
    var sequenceNumber: Int64?
    /// Of a rewrite: the snapshot it was read at.
    var readSnapshot: Int64?
    /// Of a rewrite: the deletes that were applied, by data file, in order.
    var deletesRead: [String: [DeleteName]] = [:]
    /// Entries of the snapshot's summary.
    var summary: [String: String] = [:]

    /// Every file as (local name, location).
    var uploads: [(name: String, location: String)] {
        (data + deletes).map { ($0.name, $0.location) } + plain.map { ($0.name, $0.location) }
    }

    func encoded() throws -> Data { try JSONEncoder().encode(self) }

    init() {}

    init(encoded: Data) throws { self = try JSONDecoder().decode(CommitFiles.self, from: encoded) }
}
