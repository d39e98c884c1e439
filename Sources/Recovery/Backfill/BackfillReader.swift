// Reads the figures of a chunk's counts from the tables.
//
// `RawCounter` counts only raw rows below the bounds. An unreadable file marks exactly the windows that it may have
// rows of as unreadable. Memory is bounded by the keys and one row group.

import Tables
import TableScan
import Base
import Iceberg
import ObjectStorage
import Parquet
import State

/// Reads both tables for the chunks of a backfill.
struct BackfillReader {
    /// The raw table; nil when it has no exports.
    package let raw: TableSession.Open?
    /// The counts table; nil when it has no exports.
    package let counts: TableSession.Open?
    /// Window length in seconds.
    package let windowSeconds: Int64
    /// Varies the hash functions.
    package let seed: UInt64
    package let spoolFolder: String
    package let uniqueName: @Sendable () -> String

    /// Fills in a chunk's figures.
    /// - Throws: `ObjectStorageError` when storage is unreachable, `SpoolError`, `CancellationError`. Damaged data only
    ///   marks windows as unreadable.
    package func fill(_ chunk: inout BackfillChunk) async throws {
        try await fillRaw(&chunk)
        if chunk.keys.contains(where: \.isEvicted) { try await fillRows(&chunk) }
    }

    private func reader(_ table: TableSession.Open) -> TableReader {
        TableReader(table.io, table.metadata, spoolFolder: spoolFolder, uniqueName: uniqueName)
    }

    /// The event times of the chunk's windows, in microseconds since the Unix epoch.
    private func span(of keys: [BackfillKey]) -> ClosedRange<Int64> {
        let first = keys.first?.windowStart ?? .epoch
        let last = keys.last?.windowStart ?? .epoch
        return first.times(through: last, windowSeconds: windowSeconds)
    }

    private func fillRaw(_ chunk: inout BackfillChunk) async throws {
        guard let raw else { return }
        let table = table(chunk.keys)
        let counter = RawCounter(table: table, bounds: chunk.bounds.offsets, windowSeconds: windowSeconds)
        let times = span(of: chunk.keys)
        try await forEachFile(of: raw, RawBatch.self, RawCounter.columns, times, &chunk) { batch, _, _ in
            counter.take(batch)
        }
        for index in 0..<table.count {
            chunk.keys[index].rawCounted = table[index].first
            chunk.keys[index].rawLate = table[index].second
        }
    }

    /// Finds the positions of evicted counts' rows.
    private func fillRows(_ chunk: inout BackfillChunk) async throws {
        guard let counts else { return }
        let evicted = chunk.keys.filter(\.isEvicted)
        let table = table(chunk.keys)
        try await forEachFile(of: counts, CountsBatch.self, .all, span(of: evicted), &chunk) { batch, file, chunk in
            let numbers = table.postcodes.numbers(of: batch.postcodes, adding: false)
            let entries = batch.postcodes.entries
            for row in batch.rows {
                let postcode = numbers[entries.isEmpty ? row : Int(entries[row])]
                guard postcode >= 0 else { continue }
                let index = table.find(window: batch.windowStart(row), postcode: postcode)
                guard index >= 0, chunk.keys[index].isEvicted else { continue }
                chunk.keys[index].tableRows.append(
                    TableRow(path: file.path, position: batch.position(row), count: batch.counts[row]))
            }
        }
    }

    /// A table of the keys. A key's index is the same as in the chunk.
    private func table(_ keys: [BackfillKey]) -> KeyTable {
        let table = KeyTable(capacity: keys.count, seed: seed)
        for key in keys {
            var postcode = key.postcode
            postcode.withUTF8 { _ = table.index(window: key.windowStart, postcode: UnsafeRawBufferPointer($0)) }
        }
        assert(table.count == keys.count, "the keys of a chunk are distinct")
        return table
    }

    private func forEachFile<Batch: RowBatch>(
        of table: TableSession.Open, _ type: Batch.Type, _ columns: ColumnSet, _ times: ClosedRange<Int64>,
        _ chunk: inout BackfillChunk, _ body: (Batch, DataFile, inout BackfillChunk) throws -> Void
    ) async throws {
        let reader = reader(table)
        var tasks: [ScanTask] = []
        do {
            tasks = try await reader.tasks(at: table.metadata.currentSnapshot, of: type, times: times)
        } catch  where Self.isDamage(error) {
            for key in chunk.keys { chunk.unreadable[key.windowStart] = "\(error)" }
            return
        }
        for task in tasks {
            try Task.checkCancellation()
            do {
                let file = try await reader.open(task, as: type, columns: columns, times: times)
                while let batch = try file.next() { try body(batch, task.file, &chunk) }
            } catch  where Self.isDamage(error) {
                doubt(task.file, Int(Batch.timestampID), "\(error)", &chunk)
            }
        }
    }

    /// Marks the windows that a file may have rows of as unreadable.
    private func doubt(_ file: DataFile, _ fieldID: Int, _ reason: String, _ chunk: inout BackfillChunk) {
        let low = file.metrics.lowerBounds[fieldID].flatMap { Self.integer($0) } ?? Int64.min
        let high = file.metrics.upperBounds[fieldID].flatMap { Self.integer($0) } ?? Int64.max
        for key in chunk.keys {
            let times = key.windowStart.times(through: key.windowStart, windowSeconds: windowSeconds)
            guard times.lowerBound <= high, times.upperBound >= low else { continue }
            chunk.unreadable[key.windowStart] = reason
        }
    }

    private static func integer(_ bytes: [UInt8]) -> Int64? {
        guard bytes.count == 8 else { return nil }
        return Int64(bitPattern: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    /// Whether the data is wrong or missing, and not merely unreachable.
    private static func isDamage(_ error: any Error) -> Bool {
        switch error {
        case let error as ObjectStorageError: error.kind == .notFound || error.kind == .invalid
        case is CancellationError, is SpoolError: false
        default: true
        }
    }
}
