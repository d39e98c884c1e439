// Recomputes windows with late events. It runs in the exporter's task, so nothing is committed to the tables meanwhile.
// One pass over the raw table serves many chunks, and each chunk is one transaction, so that flushes do not wait long.
//
// Only the chunks' transactions change the state. After an interruption the next call continues with the events that
// are not marked. With an open commit the backfill throws, because that commit's rows are not where the ledger says.

import Base
package import Tables
import Iceberg
import Log
package import State

/// Why a backfill cannot start.
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

/// Recomputes windows of one state from one warehouse. Used in the exporter's task, between two cycles.
package final class Backfill {
    private let settings: TableSettings
    private let store: SharedStore
    private let warehouse: Warehouse
    private let environment: WriterEnvironment
    private let spoolFolder: String

    /// - Parameter spoolFolder: the folder for copies of large table files while they are read.
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

    /// Recomputes windows. The exporter's next cycle exports the changes.
    /// - Parameter report: called at the start and after each chunk.
    /// - Throws: `BackfillError` for an open commit, `TableError` when the table's epoch is not the ledger's,
    ///   `SQLiteError`, `CancellationError`; `CatalogError` and `ObjectStorageError` when the warehouse is unreachable.
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

    /// A random seed from a new unique name.
    private static func seed(_ name: String) -> UInt64 {
        Array(name.utf8).withUnsafeBytes { WindowSums.hash(0, $0) }
    }

    /// A reader of the current tables for the whole backfill: only this task changes them.
    private func backfillReader(isDryRun: Bool) async throws -> BackfillReader {
        var tables: [ExportTable: TableSession.Open] = [:]
        for table in ExportTable.allCases {
            let session = TableSession(kind: table, warehouse: warehouse, settings: settings, store: store)
            let name = session.identifier.description
            let (epoch, isOpen) = try store.with { (try $0.epoch(of: table), try $0.intent(of: table) != nil) }
            guard !isOpen || isDryRun else { throw BackfillError.openCommit(table: name) }
            // A table without exports is not created.
            guard epoch > 0 else { continue }
            let open = try await session.open()
            guard open.epoch >= epoch else {
                throw TableError.wentBack(table: name, tableEpoch: open.epoch, ours: epoch)
            }
            // The state of a dry run does not change; later commits of its service are above the bounds.
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

    /// The next chunk with its figures from the tables; nil at the end.
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
