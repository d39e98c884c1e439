// Recomputes windows that have late events, in the exporter's task: nothing is committed to the tables meanwhile. The raw table is
// read for many chunks at once, and each chunk is a transaction of its own, so that flushes get their turn.
//
// Invariants: a chunk's transaction is all that changes; ended at any moment, the next call continues with what was not marked;
// with an open commit nothing is read, since the rows it moves are not where the ledger says.

import Base
package import Tables
import Iceberg
import Log
package import State

/// Why a backfill could not begin.
enum BackfillError: Error, CustomStringConvertible, Equatable, Sendable {
    /// A commit to a table is not settled.
    case openCommit(table: String)

    /// One line.
    package var description: String {
        switch self {
        case .openCommit(let table):
            "a commit to table \(table) is not finished; backfill begins when it is: export first (`pageviews ingest`)"
        }
    }
}

/// Recomputes windows of one state from one warehouse. It runs in the exporter's task, between two cycles.
package final class Backfill {
    private let settings: TableSettings
    private let store: SharedStore
    private let warehouse: Warehouse
    private let environment: WriterEnvironment
    private let spoolFolder: String

    /// - Parameter spoolFolder: where large files of the tables are copied to while they are read.
    package init(
        settings: TableSettings, store: SharedStore, warehouse: Warehouse, environment: WriterEnvironment,
        spoolFolder: String
    ) {
        self.settings = settings
        self.store = store
        self.warehouse = warehouse
        self.environment = environment
        self.spoolFolder = spoolFolder
    }

    /// Recomputes windows; what changes goes out with the exporter's next cycle.
    /// - Parameter report: called at the beginning and after each chunk.
    /// - Throws: `BackfillError`, `SQLiteError`, and what storage and catalog throw when they cannot be reached.
    package func run(
        _ request: BackfillRequest, report: (BackfillStep) -> Void = { _ in }
    ) async throws -> BackfillResult {
        var result = BackfillResult()
        let total = try store.with { try $0.backfillWindowCount(in: request.windows, onlyLate: request.onlyLate) }
        guard total > 0 else { return result }
        report(BackfillStep(windowsDone: 0, windowsInAll: total, outcome: BackfillOutcome()))
        let reader = try await backfillReader(isDryRun: request.isDryRun)
        var rest = request.windows
        while let read = try await read(rest, request, reader), let last = read.keys.last?.windowStart {
            environment.failPoint("backfill.read")
            for chunk in read.parts(of: request.countsPerChunk) {
                try Task.checkCancellation()
                let outcome = try apply(chunk, request)
                result.add(outcome, windows: chunk.windowCount)
                report(
                    BackfillStep(
                        windowsDone: result.windows, windowsInAll: max(total, result.windows), outcome: outcome))
            }
            let next = WindowStart(seconds: last.seconds + 1)
            guard next < rest.upperBound else { break }
            rest = next..<rest.upperBound
        }
        environment.failPoint("backfill.done")
        return result
    }

    private func apply(_ chunk: BackfillChunk, _ request: BackfillRequest) throws -> BackfillOutcome {
        if request.isDryRun { return try store.with { try $0.tryBackfill(chunk) } }
        let now = environment.nowMilliseconds()
        let outcome = try store.with { try $0.backfill(chunk, now: now) }
        environment.failPoint("backfill.written")
        return outcome
    }

    /// Randomness from a fresh unique name.
    private static func seed(_ name: String) -> UInt64 {
        Array(name.utf8).withUnsafeBytes { WindowSums.hash(0, $0) }
    }

    /// The tables as they are now, once for the whole backfill: only this task changes them.
    private func backfillReader(isDryRun: Bool) async throws -> BackfillReader {
        var tables: [ExportTable: TableSession.Open] = [:]
        for table in ExportTable.allCases {
            let session = TableSession(kind: table, warehouse: warehouse, settings: settings, store: store)
            let name = session.identifier.description
            let (epoch, isOpen) = try store.with { (try $0.epoch(of: table), try $0.intent(of: table) != nil) }
            guard !isOpen || isDryRun else { throw BackfillError.openCommit(table: name) }
            // A table that nothing was exported to is not made for this.
            guard epoch > 0 else { continue }
            let open = try await session.open()
            guard open.epoch >= epoch else {
                throw TableError.wentBack(table: name, tableEpoch: open.epoch, ours: epoch)
            }
            // A dry run reads a state that stands still; what its service commits meanwhile lies above the bounds.
            guard open.epoch == epoch || isOpen || isDryRun else {
                throw TableError.fenced(table: name, tableEpoch: open.epoch, ours: epoch)
            }
            tables[table] = open
        }
        let window = try store.with { try $0.windowMilliseconds() }
        return BackfillReader(
            raw: tables[.raw], counts: tables[.counts], windowSeconds: window / 1000,
            seed: Self.seed(environment.uniqueName()), spoolFolder: spoolFolder,
            uniqueName: environment.uniqueName)
    }

    /// The next chunk with what the tables say of it; nil at the end.
    private func read(
        _ windows: Range<WindowStart>, _ request: BackfillRequest, _ reader: BackfillReader
    ) async throws -> BackfillChunk? {
        var chunk = try store.with { store in
            BackfillChunk(
                keys: try store.backfillKeys(
                    in: windows, onlyLate: request.onlyLate, limit: request.countsPerChunk * request.chunksPerPass),
                bounds: try store.backfillBounds(), snapshotID: reader.raw?.metadata.currentSnapshotID)
        }
        guard !chunk.keys.isEmpty else { return nil }
        try await reader.fill(&chunk)
        return chunk
    }
}

extension BackfillResult {
    fileprivate mutating func add(_ outcome: BackfillOutcome, windows: Int) {
        self.windows += windows
        counts += outcome.changes.count
        events += outcome.changes.reduce(0) { $0 + $1.new - $1.old }
        unconfirmed += outcome.unconfirmed.count
        firstReason = firstReason ?? outcome.unconfirmed.first?.reason
    }
}
