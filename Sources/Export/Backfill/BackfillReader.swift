// What the tables say of the counts that are being recomputed.
//
// Invariants: raw rows at or above the bounds are not counted; a file that cannot be read makes exactly the windows doubtful
// that it may have rows of, and nothing else; memory is bounded by the keys and one row group.

internal import Iceberg
internal import ObjectStorage
internal import Parquet
internal import Store

/// Reads both tables for one chunk after another.
struct BackfillReader {
    /// The raw table; nil when nothing was ever exported to it.
    let raw: TableSession.Open?
    /// The counts table; nil when nothing was ever exported to it.
    let counts: TableSession.Open?
    /// Window length in seconds.
    let windowSeconds: Int64
    let spoolFolder: String
    let uniqueName: @Sendable () -> String

    /// Fills in what the tables say.
    /// - Throws: when storage cannot be reached; what is damaged only makes windows doubtful.
    func fill(_ chunk: inout BackfillChunk) async throws {
        try await fillRaw(&chunk)
        if chunk.keys.contains(where: \.isEvicted) { try await fillRows(&chunk) }
    }

    private func reader(_ table: TableSession.Open) -> TableReader {
        TableReader(table, spoolFolder: spoolFolder, uniqueName: uniqueName)
    }

    /// The times of the chunk's windows, microseconds.
    private func span(of keys: [BackfillKey]) -> ClosedRange<Int64> {
        let first = keys.first?.windowStart ?? 0
        let last = keys.last?.windowStart ?? 0
        return first * 1_000_000...(last + windowSeconds) * 1_000_000 - 1
    }

    private func fillRaw(_ chunk: inout BackfillChunk) async throws {
        guard let raw else { return }
        let table = Self.table(chunk.keys)
        let times = span(of: chunk.keys)
        let ends = Self.ends(chunk.bounds)
        try await forEachFile(of: raw, RawBatch.self, Self.rawColumns, times, &chunk) { batch, _, chunk in
            for row in batch.rows {
                let partition = Int(batch.partitions[row])
                guard partition >= 0, partition < ends.count, batch.offsets[row] < ends[partition] else { continue }
                let seconds = batch.timestamps[row] / 1_000_000
                let window = seconds - seconds % windowSeconds
                guard let index = batch.postcodes.withBytes(row, { table.find(window: window, postcode: $0) }) else {
                    continue
                }
                if batch.late[row] { chunk.keys[index].rawLate += 1 } else { chunk.keys[index].rawCounted += 1 }
            }
        }
    }

    private static let rawColumns: ColumnSet = [
        RawBatch.postcode, RawBatch.timestamp, RawBatch.partition, RawBatch.offset, RawBatch.late,
    ]

    /// Where the rows of evicted counts lie.
    private func fillRows(_ chunk: inout BackfillChunk) async throws {
        guard let counts else { return }
        let evicted = chunk.keys.filter(\.isEvicted)
        let table = Self.table(chunk.keys)
        try await forEachFile(of: counts, CountsBatch.self, .all, span(of: evicted), &chunk) { batch, file, chunk in
            for row in batch.rows {
                let window = batch.windowStart(row)
                guard let index = batch.postcodes.withBytes(row, { table.find(window: window, postcode: $0) }),
                    chunk.keys[index].isEvicted
                else { continue }
                chunk.keys[index].tableRows.append(
                    TableRow(path: file.path, position: batch.position(row), count: batch.counts[row]))
            }
        }
    }

    private static func table(_ keys: [BackfillKey]) -> KeyTable {
        var table = KeyTable(capacity: keys.count)
        for key in keys { table.append(window: key.windowStart, postcode: key.postcode) }
        return table
    }

    /// The bounds by partition number, 0 where there is none.
    private static func ends(_ bounds: BackfillBounds) -> [Int64] {
        // Partition numbers of Kafka are small; one that is not is left to the check of sums.
        let most = min(bounds.offsets.keys.max() ?? -1, 1 << 20)
        return most < 0 ? [] : (0...most).map { bounds.offsets[$0] ?? 0 }
    }

    private func forEachFile<Batch: RowBatch>(
        of table: TableSession.Open, _ type: Batch.Type, _ columns: ColumnSet, _ times: ClosedRange<Int64>,
        _ chunk: inout BackfillChunk, _ body: (Batch, DataFile, inout BackfillChunk) throws -> Void
    ) async throws {
        let reader = reader(table)
        var tasks: [ScanTask] = []
        do {
            tasks = try await reader.tasks(at: table.metadata.currentSnapshot, of: Batch.table, times: times)
        } catch where Self.isDamage(error) {
            for key in chunk.keys { chunk.unreadable[key.windowStart] = "\(error)" }
            return
        }
        for task in tasks {
            try Task.checkCancellation()
            do {
                let file = try await reader.open(task, as: type, columns: columns, times: times)
                while let batch = try file.next() { try body(batch, task.file, &chunk) }
            } catch where Self.isDamage(error) {
                doubt(task.file, Int(Batch.timestampID), "\(error)", &chunk)
            }
        }
    }

    /// Marks the windows that a file may have rows of.
    private func doubt(_ file: DataFile, _ fieldID: Int, _ reason: String, _ chunk: inout BackfillChunk) {
        let low = file.metrics.lowerBounds[fieldID].flatMap { Self.integer($0) } ?? Int64.min
        let high = file.metrics.upperBounds[fieldID].flatMap { Self.integer($0) } ?? Int64.max
        for key in chunk.keys {
            let first = key.windowStart * 1_000_000
            guard first <= high, first + windowSeconds * 1_000_000 > low else { continue }
            chunk.unreadable[key.windowStart] = reason
        }
    }

    private static func integer(_ bytes: [UInt8]) -> Int64? {
        guard bytes.count == 8 else { return nil }
        return Int64(bitPattern: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    /// The data is wrong or gone, as against out of reach.
    private static func isDamage(_ error: any Error) -> Bool {
        switch error {
        case let error as ObjectStorageError: error.kind == .notFound || error.kind == .invalid
        case is CancellationError, is SpoolError: false
        default: true
        }
    }
}
