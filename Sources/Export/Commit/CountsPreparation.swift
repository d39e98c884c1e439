// Prepares a commit of the counts table: what changed since the last export, as new rows and position deletes of the
// old.
//
// Invariants: everything is read in one snapshot of the state, so rows, offsets and watermarks are of one generation; a
// row's position is its place in the file that is written here; nothing outside the spool and the staging table
// changes.

import Foundation
import Iceberg
import Parquet
import SQLite
import Store

/// Where a commit's files and rows come from.
struct PreparationContext {
    let settings: ExportSettings
    let store: SharedStore
    let tableName: String
    let metadata: TableMetadata
    let commitID: String
    let epoch: Int64

    func spoolPath(_ name: String) -> String { "\(settings.spoolFolder)/\(name)" }

    /// Where a file of a day goes. The folder is for people; readers take the partition from the manifest.
    func location(_ kind: ExportTable, day: Int, _ name: String) -> String {
        guard let spec = metadata.defaultSpec, let partition = kind.partition(ofDay: day, in: spec) else {
            return "\(metadata.dataFolder)/\(name)"
        }
        let folder = spec.folder(partition)
        return folder.isEmpty ? "\(metadata.dataFolder)/\(name)" : "\(metadata.dataFolder)/\(folder)/\(name)"
    }
}

/// Builds the intent of one counts commit.
final class CountsPreparation {
    private let context: PreparationContext
    /// The partition specs of the table's live data files, by path; empty where all files have the same.
    private let specs: [String: Int]
    private var files = CommitFiles()
    private var day: CountsFile?
    private var staged: [RowLocation] = []
    private var deletes: [DeleteGroup: [PositionDelete]] = [:]
    private var rowsAdded: Int64 = 0
    private var rowsDeleted: Int64 = 0
    private static let stagingChunk = 2000

    /// Position deletes apply to data files of their own spec and partition alone.
    private struct DeleteGroup: Hashable {
        let day: Int
        let specID: Int
    }

    /// - Parameter specs: the partition specs of the live data files, by path; empty where all have the same.
    init(_ context: PreparationContext, specs: [String: Int]) {
        self.context = context
        self.specs = specs
    }

    /// Writes the files and stages the rows.
    /// - Returns: nil when no count changed.
    func run() throws -> Intent? {
        try context.store.with { try $0.clearStaged() }
        let reader = try StateReader.open(context.store.path)
        try reader.execute("BEGIN")
        let snapshot = try StateSnapshot(reader)
        try readChanges(reader, since: snapshot.exported.generation)
        try closeDay()
        try reader.execute("COMMIT")
        guard rowsAdded > 0 else { return nil }
        try stage()
        try writeDeletes()
        try SpoolFile.sync(context.settings.spoolFolder)
        files.summary = snapshot.summary
        return Intent(
            commitID: context.commitID, table: .counts, tableName: context.tableName, generation: snapshot.generation,
            offsets: snapshot.offsets, rowsAdded: rowsAdded, rowsDeleted: rowsDeleted,
            files: files.uploads.map(\.location), epoch: context.epoch, payload: try files.encoded())
    }

    /// Rows in the order of their windows; counts equal to the exported ones are skipped.
    private func readChanges(_ reader: Connection, since generation: Int64) throws {
        let rows = try reader.prepare(
            """
            SELECT c.window_start, c.postcode, c.count, e.position, f.path
            FROM windows AS w CROSS JOIN counts AS c ON c.window_start = w.window_start
            LEFT JOIN exported AS e ON e.window_start = c.window_start AND e.postcode = c.postcode
            LEFT JOIN data_file AS f ON f.id = e.file_id
            WHERE w.generation > ?1 AND c.generation > ?1 AND e.count IS NOT c.count
            ORDER BY c.window_start, c.postcode
            """)
        try rows.bind(generation, at: 1)
        while try rows.step() {
            try add(windowStart: rows.int64(0), postcode: rows.string(1), count: rows.int64(2))
            if let position = rows.optionalInt64(3), let path = rows.optionalString(4) {
                let group = DeleteGroup(day: Int(rows.int64(0) / 86_400), specID: try spec(of: path))
                deletes[group, default: []].append(PositionDelete(path: path, position: position))
                rowsDeleted += 1
            }
        }
    }

    /// Noted while it is known: another engine may give the table a spec before the deletes are committed.
    private func spec(of path: String) throws(ExportError) -> Int {
        if specs.isEmpty { return context.metadata.defaultSpecID }
        guard let id = specs[path] else { throw ExportError.rewritten(table: context.tableName, file: path) }
        return id
    }

    private func add(windowStart: Int64, postcode: String, count: Int64) throws {
        let number = Int(windowStart / 86_400)
        if day?.day != number {
            try closeDay()
            day = try openDay(number)
        }
        guard let day else { return }
        staged.append(
            RowLocation(
                windowStart: windowStart, postcode: postcode, fileID: day.fileID, position: day.rows, count: count))
        try day.append(windowStart: windowStart, postcode: postcode, count: count)
        rowsAdded += 1
        if staged.count >= Self.stagingChunk { try stage() }
    }

    private func openDay(_ number: Int) throws -> CountsFile {
        let name = "counts-\(context.commitID)-\(DayName.iso(number)).parquet"
        let location = context.location(.counts, day: number, name)
        let id = try context.store.with { try $0.fileID(ofPath: location) }
        return try CountsFile(
            day: number, name: name, location: location, fileID: id, path: context.spoolPath(name))
    }

    private func closeDay() throws {
        guard let finished = day else { return }
        files.data.append(try finished.finish())
        day = nil
    }

    private func stage() throws {
        let rows = staged
        staged.removeAll(keepingCapacity: true)
        try context.store.with { try $0.stage(rows) }
    }

    /// One position-delete file a day and spec, sorted by path and position; a v3 table gets its vectors when it is
    /// committed.
    private func writeDeletes() throws {
        guard context.metadata.formatVersion < 3 else { return }
        for (group, rows) in deletes.sorted(by: { ($0.key.day, $0.key.specID) < ($1.key.day, $1.key.specID) }) {
            let suffix = specs.isEmpty ? "" : "-spec\(group.specID)"
            let name = "deletes-\(context.commitID)-\(DayName.iso(group.day))\(suffix).parquet"
            files.deletes.append(
                try PositionDelete.write(
                    rows, day: group.day, specID: group.specID, name: name,
                    location: context.location(.counts, day: group.day, name), path: context.spoolPath(name)))
        }
    }
}

/// One generation of the state, as a snapshot's summary tells it.
struct StateSnapshot {
    let generation: Int64
    let exported: ExportProgress
    /// From the last export to this one, by partition.
    let offsets: [Int32: OffsetSpan]
    let summary: [String: String]

    init(_ reader: Connection) throws {
        let generation = try reader.integer("SELECT generation FROM progress") ?? 0
        let watermark = try reader.integer("SELECT watermark_ms FROM progress")
        let exported = try Store.exportProgress(of: .counts, reader)
        let delay = try reader.integer("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'watermark_delay_ms'") ?? 0
        let rows = try reader.prepare(
            "SELECT kafka_partition, first_offset, next_offset, max_event_time_ms FROM partition_progress")
        var offsets: [Int32: OffsetSpan] = [:]
        var watermarks: [Int32: Int64] = [:]
        while try rows.step() {
            let partition = Int32(clamping: rows.int64(0))
            offsets[partition] = OffsetSpan(from: exported.offsets[partition] ?? rows.int64(1), to: rows.int64(2))
            watermarks[partition] = rows.optionalInt64(3).map { $0 - delay - 1 }
        }
        var summary = [
            Mark.generation: "\(generation)", Mark.offsets: Mark.text(offsets: offsets),
            Mark.watermarks: Mark.text(watermarks: watermarks),
        ]
        summary[Mark.watermark] = watermark.map { "\($0)" }
        summary[Mark.window] = try reader.text("SELECT value FROM meta WHERE key = 'window_ms'")
        summary[Mark.topicID] = try reader.text("SELECT value FROM meta WHERE key = '\(Store.topicIDKey)'")
        summary[Mark.watermarkDelay] = "\(delay)"
        summary[Mark.backfilled] = try reader.text("SELECT value FROM meta WHERE key = 'backfilled_events'") ?? "0"
        self.generation = generation
        self.exported = exported
        self.offsets = offsets
        self.summary = summary
    }
}

/// The counts of one day, written to a local Parquet file.
final class CountsFile {
    let day: Int
    let fileID: Int64
    private(set) var rows: Int64 = 0
    private let name: String
    private let location: String
    private let file: SpoolFile
    private let writer: ParquetWriter
    private let postcodes: BytesColumn
    private let timestamps: ScalarColumn<Int64>
    private let counts: ScalarColumn<Int64>

    /// - Parameter path: the local file; an older one of the same name is replaced.
    init(day: Int, name: String, location: String, fileID: Int64, path: String) throws {
        self.day = day
        self.name = name
        self.location = location
        self.fileID = fileID
        SpoolFile.remove(path)
        let file = try SpoolFile(path: path)
        self.file = file
        writer = try ParquetWriter(schema: ExportTable.counts.parquetSchema) { try file.write($0) }
        postcodes = try writer.bytes(0)
        timestamps = try writer.int64(1)
        counts = try writer.int64(2)
    }

    func append(windowStart: Int64, postcode: String, count: Int64) throws {
        postcodes.append(postcode)
        timestamps.append(windowStart * 1_000_000)
        counts.append(count)
        try writer.endRow()
        rows += 1
    }

    func finish() throws -> ParquetUpload {
        let facts = FileFacts(try writer.finish())
        try file.finish()
        return ParquetUpload(name: name, location: location, day: day, facts: facts)
    }
}
