// Prepares a commit of the counts table: the counts changed since the last export as new rows. The old rows are those that
// the ledger has for the staged ones; each try of the commit writes their deletes (`DeleteWriter`).
//
// Everything is read in one read transaction of the state, so rows, offsets and watermarks are of one generation. Only
// the spool and the staging table change. Invariants: windows ascend, so each day has one file; a row's position is its
// place in that file.

import Tables
import TableScan
import Base
import Foundation
import Iceberg
import Parquet
import State

/// The inputs of a preparation.
struct PreparationContext {
    package let settings: ExportSettings
    package let store: SharedStore
    package let tableName: String
    package let metadata: TableMetadata
    package let commitID: String
    package let epoch: Int64

    func spoolPath(_ name: String) -> String { "\(settings.spoolFolder)/\(name)" }

    /// The location of a day's file. The folder name is for people; readers take the partition from the manifest.
    package func location(_ kind: ExportTable, day: Int, _ name: String) -> String {
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
    private var files = CommitFiles()
    private var day: CountsFile?
    private var staged: [RowLocation] = []
    private var rowsAdded: Int64 = 0
    private var rowsDeleted: Int64 = 0
    private static let stagingChunk = 2000

    package init(_ context: PreparationContext) { self.context = context }

    /// Writes the files and stages the rows.
    /// - Returns: nil when no count changed.
    /// - Throws: `SQLiteError`, `SpoolError`.
    package func run() throws -> Intent? {
        try context.store.with { try $0.clearStaged() }
        let reader = try StateReader(context.store.path)
        try reader.hold()
        let snapshot = try StateSnapshot(reader)
        try readChanges(reader, since: snapshot.exported.generation)
        try closeDay()
        try reader.release()
        guard rowsAdded > 0 else { return nil }
        assert(
            files.data.reduce(0) { $0 + $1.metrics.rows } == rowsAdded && rowsDeleted <= rowsAdded,
            "every row is in a file, and replaces at most one")
        try stage()
        try SpoolFile.sync(context.settings.spoolFolder)
        files.summary = snapshot.summary
        return Intent(
            commitID: context.commitID, table: .counts, tableName: context.tableName, generation: snapshot.generation,
            offsets: snapshot.offsets, rowsAdded: rowsAdded, rowsDeleted: rowsDeleted,
            epoch: context.epoch, work: .counts(files))
    }

    /// Reads the changed counts in the order of their windows, without those equal to the exported ones.
    private func readChanges(_ reader: StateReader, since generation: Generation) throws {
        try reader.forEachChanged(since: generation) { changed in
            try add(windowStart: changed.windowStart, postcode: changed.postcode, count: changed.count)
            if changed.exported != nil { rowsDeleted += 1 }
        }
    }

    private func add(windowStart: WindowStart, postcode: String, count: Int64) throws {
        let number = Int(windowStart.seconds / 86_400)
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
        precondition(files.data.last.map { $0.day < number } ?? true, "windows ascend, so a day has one file")
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
}

/// One generation of the state, with the entries of a snapshot's summary.
struct StateSnapshot {
    package let generation: Generation
    package let exported: ExportProgress
    /// The offsets since the last export, by partition.
    package let offsets: [PartitionID: OffsetSpan]
    package let summary: [String: String]

    init(_ reader: StateReader) throws {
        let last = try reader.lastFlush()
        let (generation, watermark) = (last?.generation ?? 0, last?.watermark)
        let exported = try reader.exportProgress(of: .counts)
        let delay = try reader.number(.watermarkDelayMilliseconds) ?? 0
        var offsets: [PartitionID: OffsetSpan] = [:]
        var watermarks: [PartitionID: EventTime] = [:]
        var firstOffsets: [PartitionID: KafkaOffset] = [:]
        for partition in try reader.partitions() {
            offsets[partition.partition] = OffsetSpan(
                from: exported.offsets[partition.partition] ?? partition.firstOffset, to: partition.nextOffset)
            firstOffsets[partition.partition] = partition.firstOffset
            watermarks[partition.partition] = partition.maxEventTime.map { $0 - delay - 1 }
        }
        var summary = [
            Mark.generation: "\(generation)", Mark.offsets: Mark.text(offsets: offsets),
            Mark.watermarks: Mark.text(watermarks: watermarks),
            Mark.firstOffsets: Mark.text(firstOffsets: firstOffsets),
        ]
        summary[Mark.watermark] = watermark.map { "\($0.milliseconds)" }
        summary[Mark.window] = try reader.meta(.windowMilliseconds)
        summary[Mark.topicID] = try reader.settledTopicID()
        summary[Mark.watermarkDelay] = "\(delay)"
        summary[Mark.backfilled] = try reader.meta(.backfilledEvents) ?? "0"
        self.generation = generation
        self.exported = exported
        self.offsets = offsets
        self.summary = summary
    }
}

/// The counts of one day, written to a local Parquet file.
final class CountsFile {
    package let day: Int
    package let fileID: Int64
    private(set) var rows: Int64 = 0
    private let name: String
    private let location: String
    private let file: SummedFile
    private let writer: ParquetWriter
    private let postcodes: BytesColumn
    private let timestamps: ScalarColumn<Int64>
    private let counts: ScalarColumn<Int64>

    /// - Parameter path: the local file; an existing file is replaced.
    package init(day: Int, name: String, location: String, fileID: Int64, path: String) throws {
        self.day = day
        self.name = name
        self.location = location
        self.fileID = fileID
        SpoolFile.remove(path)
        let file = try SummedFile(path: path)
        self.file = file
        writer = try ParquetWriter(schema: ExportTable.counts.parquetSchema) { try file.write($0) }
        postcodes = try writer.bytes(0)
        timestamps = try writer.int64(1)
        counts = try writer.int64(2)
    }

    package func append(windowStart: WindowStart, postcode: String, count: Int64) throws {
        postcodes.append(postcode)
        timestamps.append(windowStart.rawValue)
        counts.append(count)
        try writer.endRow()
        rows += 1
    }

    package func finish() throws -> ParquetUpload {
        var metrics = ParquetMetrics(try writer.finish())
        try file.finish()
        metrics.checksum = file.checksum
        return ParquetUpload(name: name, location: location, day: day, metrics: metrics)
    }
}
