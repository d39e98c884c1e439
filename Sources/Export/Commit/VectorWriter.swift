// Deletion vectors (v3): one per data file, merged with the one it has, all of a commit in one Puffin file.
// Invariant: they are made anew for every try, on top of the snapshot that the try is based on.

internal import Iceberg
internal import SQLite
internal import Store

/// Makes the deletion vectors of the staged rows' old positions.
struct VectorWriter {
    let io: TableIO
    let metadata: TableMetadata
    let tableName: String

    /// The old positions of the rows that are staged, by data file.
    static func staleRows(_ statePath: String) throws -> [String: [UInt64]] {
        let reader = try StateReader.open(statePath)
        let rows = try reader.prepare(
            """
            SELECT f.path, e.position FROM staged AS s
            JOIN exported AS e ON e.window_start = s.window_start AND e.postcode = s.postcode
            JOIN data_file AS f ON f.id = e.file_id
            """)
        var stale: [String: [UInt64]] = [:]
        while try rows.step() { stale[rows.string(0), default: []].append(UInt64(max(0, rows.int64(1)))) }
        return stale
    }

    /// Writes the Puffin file and adds its vectors to the change.
    /// - Parameter announce: told the file's location before it is written; not called when there is nothing to delete.
    func add(
        _ stale: [String: [UInt64]], to change: inout ChangeSet, name: String, announce: ([String]) throws -> Void
    ) async throws {
        guard !stale.isEmpty else { return }
        let live = try await io.scan(metadata.currentSnapshot, of: metadata)
        let tasks = Dictionary(live.map { ($0.file.path, $0) }) { first, _ in first }
        var puffin = PuffinWriter()
        var made: [(blob: PuffinBlob, count: Int64, file: DataFile)] = []
        for (path, positions) in stale.sorted(by: { $0.key < $1.key }) {
            guard let task = tasks[path] else { throw ExportError.rewritten(table: tableName, file: path) }
            var vector = DeletionVector(positions)
            if let old = task.deletionVector {
                vector.merge(try await read(old))
                change.removedDeleteFiles.insert(old.key)
            }
            made.append((puffin.append(vector, of: path), vector.count, task.file))
        }
        let bytes = try puffin.finish(createdBy: "pageviews")
        let location = "\(metadata.dataFolder)/\(name).puffin"
        try announce([location])
        try await io.files.write(location, bytes)
        change.addedDeleteFiles += made.map {
            .deletionVector(
                path: location, fileSizeBytes: Int64(bytes.count), blob: $0.blob, cardinality: $0.count, of: $0.file)
        }
    }

    private func read(_ file: DataFile) async throws -> DeletionVector {
        let bytes = try await io.files.read(
            file.path, offset: file.contentOffset ?? 0, length: file.contentSizeBytes ?? 0)
        return try DeletionVector(of: file, blob: bytes)
    }
}
