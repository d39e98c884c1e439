// The open segment and its files.

import Tables
import Base
import Compression
import Parquet
import State

/// A segment that is being written.
final class OpenSegment {
    package let name: String
    /// Milliseconds since the Unix epoch.
    let openedAt: Int64
    /// The day on which its events arrive, in days since the Unix epoch. It determines the folder of its JSON lines.
    let arrivalDay: Int
    package var rows: Int64 = 0
    package let json: JSONLines?
    private let folder: String
    private var files: [Int: DayFile] = [:]
    private var last: (day: Int, file: DayFile)?

    package init(name: String, settings: ExportSettings, now: Int64) throws {
        self.name = name
        openedAt = now
        arrivalDay = Int(now / 86_400_000)
        folder = settings.spoolFolder
        json = settings.keepsJSON ? try JSONLines(path: "\(folder)/raw-\(name).jsonl.zst") : nil
    }

    package var days: Int { files.count }
    func hasDay(_ day: Int) -> Bool { last?.day == day || files[day] != nil }
    package var bytes: Int64 { files.values.reduce(json?.file.bytes ?? 0) { $0 + $1.file.bytes } }

    package func file(ofDay day: Int) throws -> DayFile {
        if let last, last.day == day { return last.file }
        let file = try files[day] ?? DayFile(path: "\(folder)/\(parquetName(day))")
        files[day] = file
        last = (day, file)
        return file
    }

    private func parquetName(_ day: Int) -> String { "raw-\(name)-\(DayName.iso(day)).parquet" }

    package func finish(covering offsets: [PartitionID: OffsetSpan]) throws -> Segment {
        precondition(
            rows > 0 && offsets.values.allSatisfy { $0.from <= $0.to }, "a segment has rows, and its offsets ascend")
        var parquet: [Segment.File] = []
        for (day, file) in files.sorted(by: { $0.key < $1.key }) {
            let metrics = try file.finish()
            parquet.append(
                Segment.File(name: parquetName(day), bytes: metrics.bytes, day: day, metrics: metrics))
        }
        try json?.finish()
        try SpoolFile.sync(folder)
        let lines = json.map {
            Segment.File(
                name: "raw-\(name).jsonl.zst", bytes: $0.file.bytes, day: arrivalDay, metrics: nil,
                checksum: $0.file.checksum)
        }
        return Segment(name: name, rows: rows, offsets: offsets, parquet: parquet, json: lines)
    }

    package func remove() {
        for file in files.values { SpoolFile.remove(file.file.path) }
        if let json { SpoolFile.remove(json.file.path) }
    }
}

/// The Parquet file of a segment's raw events of one day.
final class DayFile {
    let file: SummedFile
    private let writer: ParquetWriter
    private let userID: ScalarColumn<Int64>
    private let postcode: BytesColumn
    private let webpage: BytesColumn
    private let timestamp: ScalarColumn<Int64>
    private let partition: ScalarColumn<Int32>
    private let offset: ScalarColumn<Int64>
    private let late: ScalarColumn<Bool>

    package init(path: String) throws {
        let file = try SummedFile(path: path)
        self.file = file
        writer = try ParquetWriter(schema: ExportTable.raw.parquetSchema) { try file.write($0) }
        userID = try writer.int64(0)
        postcode = try writer.bytes(1)
        webpage = try writer.bytes(2)
        timestamp = try writer.int64(3)
        partition = try writer.int32(4)
        offset = try writer.int64(5)
        late = try writer.boolean(6)
    }

    @inline(__always)
    package func append(
        userID user: Int64?, postcode code: UnsafeRawBufferPointer, webpage page: UnsafeRawBufferPointer?,
        time: EventTime, partition number: PartitionID, offset position: KafkaOffset, isLate: Bool
    ) throws {
        userID.append(user)
        postcode.append(code)
        if let page { webpage.append(page) } else { webpage.appendNull() }
        timestamp.append(time.rawValue)
        partition.append(number.rawValue)
        offset.append(position.rawValue)
        late.append(isLate)
        try writer.endRow()
    }

    package func finish() throws -> ParquetMetrics {
        var metrics = ParquetMetrics(try writer.finish())
        try file.finish()
        metrics.checksum = file.checksum
        return metrics
    }
}

/// Messages as compressed JSON lines.
final class JSONLines {
    let file: SummedFile
    private let writer: ZstdWriter
    private var line: [UInt8] = []

    package init(path: String) throws {
        let file = try SummedFile(path: path)
        self.file = file
        writer = try ZstdWriter(level: 1) { try file.write($0) }
    }

    /// Appends a message, which must be valid JSON. Its line breaks are between tokens and become spaces.
    package func append(_ message: UnsafeRawBufferPointer) throws {
        line.removeAll(keepingCapacity: true)
        line.append(contentsOf: message)
        for index in line.indices where line[index] == 0x0A || line[index] == 0x0D { line[index] = 0x20 }
        line.append(0x0A)
        try line.withUnsafeBytes { try writer.append($0) }
    }

    package func finish() throws {
        try writer.finish()
        try file.finish()
    }
}
