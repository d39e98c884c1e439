// Recomputes windows that have late events, chunk by chunk, in the exporter's task: nothing is committed to the tables meanwhile.
//
// Invariants: a chunk's transaction is all that changes; ended at any moment, the next call goes on with what was not marked;
// with an open commit nothing is read, since the rows it moves are not where the ledger says.

internal import Iceberg
internal import Logging
internal import Store

/// Why a backfill could not begin.
public enum BackfillError: Error, CustomStringConvertible, Equatable, Sendable {
    /// A commit to a table is not settled.
    case openCommit(table: String)

    /// One line.
    public var description: String {
        switch self {
        case .openCommit(let table):
            "a commit to table \(table) is not finished; backfill begins when it is: export first (`pageviews ingest`)"
        }
    }
}

extension Exporter {
    /// Recomputes windows; what changes goes out with the next cycle.
    /// - Parameter report: called after each chunk.
    /// - Throws: `BackfillError`, `SQLiteError`, and what storage and catalog throw when they cannot be reached.
    public func backfill(
        _ request: BackfillRequest, report: (BackfillStep) -> Void = { _ in }
    ) async throws -> BackfillResult {
        var result = BackfillResult()
        let total = try store.with { try $0.backfillWindowCount(in: request.windows, onlyLate: request.onlyLate) }
        guard total > 0 else { return result }
        let reader = try await backfillReader(isDryRun: request.isDryRun)
        var rest = request.windows
        while let chunk = try await read(rest, request, reader), let last = chunk.keys.last?.windowStart {
            environment.failPoint("backfill.read")
            let now = environment.nowMilliseconds()
            let outcome = try store.with { try $0.backfill(chunk, isDryRun: request.isDryRun, now: now) }
            environment.failPoint("backfill.written")
            result.add(outcome, windows: Self.windowCount(chunk))
            report(
                BackfillStep(windowsDone: result.windows, windowsInAll: max(total, result.windows), outcome: outcome))
            guard last < rest.upperBound - 1 else { break }
            rest = last + 1..<rest.upperBound
        }
        environment.failPoint("backfill.done")
        return result
    }

    private static func windowCount(_ chunk: BackfillChunk) -> Int {
        var count = 0
        var last: Int64?
        for key in chunk.keys where key.windowStart != last {
            last = key.windowStart
            count += 1
        }
        return count
    }

    /// The tables as they are now, once for the whole backfill: only this task changes them.
    private func backfillReader(isDryRun: Bool) async throws -> BackfillReader {
        var tables: [ExportTable: TableSession.Open] = [:]
        for table in ExportTable.allCases {
            guard let session = sessions[table] else { continue }
            let name = session.identifier.description
            let (epoch, isOpen) = try store.with { (try $0.epoch(of: table), try $0.intent(of: table) != nil) }
            guard !isOpen || isDryRun else { throw BackfillError.openCommit(table: name) }
            // A table that nothing was exported to is not made for this.
            guard epoch > 0 else { continue }
            let open = try await session.open()
            guard open.epoch >= epoch else {
                throw ExportError.wentBack(table: name, tableEpoch: open.epoch, ours: epoch)
            }
            guard open.epoch == epoch || isOpen else {
                throw ExportError.fenced(table: name, tableEpoch: open.epoch, ours: epoch)
            }
            tables[table] = open
        }
        let window = try store.with { try $0.meta("window_ms").flatMap { Int64($0) } } ?? 60_000
        return BackfillReader(
            raw: tables[.raw], counts: tables[.counts], windowSeconds: window / 1000, spoolFolder: settings.spoolFolder,
            uniqueName: environment.uniqueName)
    }

    /// The next chunk with what the tables say of it; nil at the end.
    private func read(
        _ windows: Range<Int64>, _ request: BackfillRequest, _ reader: BackfillReader
    ) async throws -> BackfillChunk? {
        var chunk = try store.with { store in
            BackfillChunk(
                keys: try store.backfillKeys(in: windows, onlyLate: request.onlyLate, limit: request.countsPerChunk),
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
        unvouched += outcome.unvouched.count
        firstReason = firstReason ?? outcome.unvouched.first?.reason
    }
}
