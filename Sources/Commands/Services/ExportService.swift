// Runs the exporter as a service beside counting: one cycle per interval, and a last one when counting has ended.

import Tables
import Recovery
import Health
import Base
import Export
import Foundation
import HTTP
import Iceberg
import Ingest
import Log
import ObjectStorage
import Services
import SQLite
import State
import Synchronization

/// Why counting ended, and when the shutdown began. The services end one after the other and share one time limit.
final class EndOfInput: Sendable {
    private let reached = Atomic<Bool>(false)
    /// Set when a signal asks the whole service to stop, also after the end of the input.
    let asked: StopSignal

    init(asked: StopSignal = StopSignal()) { self.asked = asked }

    private let told = Lock<ContinuousClock.Instant?>(nil)

    /// Records that counting was told to stop.
    func tell() { told.withLock { $0 = $0 ?? .now } }

    /// The rest of `total` since counting was told to stop; at least zero.
    func remaining(of total: Duration) -> Duration {
        told.withLock { told in max(.zero, total - (told?.duration(to: .now) ?? .zero)) }
    }

    /// Records that counting reached the end of its input without being told to stop.
    func set() { reached.store(true, ordering: .releasing) }
    var wasReached: Bool { reached.load(ordering: .acquiring) }
}

/// Runs an exporter until it is told to stop.
struct ExportService: Service {
    let name = "export"
    let work: TableWork
    let intervalMilliseconds: Int64
    /// The interval of adding late events to their counts; nil for never.
    let backfillMilliseconds: Int64?
    let end: EndOfInput
    let log: Logger
    let board: HealthBoard
    /// How long exporting may continue after the service was told to stop.
    private static let stopLimit = Duration.seconds(3)
    /// After the end of the input, no retry begins later than this.
    private static let retryLimit = Duration.seconds(10)

    /// Runs the loop in a task of its own and cancels that task at the stop limit. The next run continues an export
    /// that was cut short.
    func run(_ stop: StopSignal) async throws {
        let work = Task { try await exportUntil(stop) }
        let registration = stop.onSet { [end] in
            if end.wasReached { return }
            let left = end.remaining(of: Self.stopLimit)
            Task {
                try? await Task.sleep(for: left)
                work.cancel()
            }
        }
        defer { registration.cancel() }
        do {
            try await work.value
        } catch {
            if !(error is CancellationError) { board.fail(Failure(error)?.text ?? "\(error)") }
            throw error
        }
    }

    private func exportUntil(_ stop: StopSignal) async throws {
        let exporter = work.exporter()
        var report = ExportReport(store: work.store, log: log)
        var pause = intervalMilliseconds
        var lastBackfill = ContinuousClock.now
        while await !stop.sleep(for: .milliseconds(pause)) {
            let failure = try await cycle(exporter, &report, stop)
            pause = failure == nil ? intervalMilliseconds : min(max(1000, intervalMilliseconds), 10_000)
            // After an export no commit is open, and the next export carries the backfill's changes.
            guard failure == nil, let every = backfillMilliseconds,
                ContinuousClock.now - lastBackfill >= .milliseconds(every)
            else { continue }
            try await backfill()
            lastBackfill = .now
        }
        try await finish(exporter, &report, stop)
    }

    /// Adds late events to their counts. A failed backfill is retried at the next interval.
    /// - Throws: `StoreError` when this process no longer owns the state.
    private func backfill() async throws {
        let kind = "backfill-incomplete"
        var detail: String?
        do {
            let result = try await work.backfill().run(BackfillRequest())
            if result.events > 0 {
                log.info(
                    "backfill: \(result.events) late events added to \(result.counts) counts",
                    metadata: [
                        "events": .stringConvertible(result.events), "counts": .stringConvertible(result.counts),
                    ])
            }
            if result.unconfirmed > 0 {
                detail =
                    "the raw table cannot confirm \(result.unconfirmed) windows with late events "
                    + "(\(result.firstReason ?? "")); `pageviews backfill --dry-run` names them"
            }
        } catch let error as StoreError {
            throw error
        } catch {
            if Task.isCancelled { return }
            detail = "\(error)"
        }
        let now = TimeSource.system.wall()
        try? work.store.with { try $0.resolve(incidentsOfKind: kind, now: now) }
        guard let detail else { return }
        log.warning("backfill: \(detail)")
        try? work.store.with { try $0.note(Incident(kind: kind, detail: detail), now: now) }
    }

    /// - Returns: the error that prevented the export; nil on success.
    /// - Throws: only errors that no retry can fix.
    private func cycle(
        _ exporter: Exporter, _ report: inout ExportReport, _ stop: StopSignal
    ) async throws -> (any Error)? {
        let end = end
        do {
            // Maintenance is skipped once the service is told to stop, but not at the end of the input.
            try await exporter.cycle { end.wasReached || !stop.wasSet }
            report.succeeded()
            board.exportSucceeded(now: TimeSource.system.wall())
            return nil
        } catch let error as TableError where error.isForeign {
            throw error
        } catch let error as StoreError {
            throw error
        } catch {
            if !Task.isCancelled {
                report.failed("\(error)", exporter.failureFacts)
                board.exportFailed("\(error)", now: TimeSource.system.wall())
            }
            return error
        }
    }

    /// The last export: everything at the end of the input, or as much as the stop limit allows after a signal.
    private func finish(_ exporter: Exporter, _ report: inout ExportReport, _ stop: StopSignal) async throws {
        guard end.wasReached else {
            do {
                if !Task.isCancelled { _ = try await cycle(exporter, &report, stop) }
            } catch is TableError {
                // `cycle` has reported it, and the next start finds it again.
            }
            return
        }
        let start = ContinuousClock.now
        while let failure = try await cycle(exporter, &report, stop) {
            guard Failure.mayPass(failure), ContinuousClock.now - start < Self.retryLimit else {
                throw Failure(
                    "the export is incomplete; the rest stays in the state and its spool for the next run: \(failure)",
                    exitCode: Failure.exitCode(ofExport: failure))
            }
            try await Task.sleep(for: .seconds(1))
        }
    }
}

/// Reports export failures in the log and as an incident: when they begin, once a minute while they last, and when they
/// end.
struct ExportReport {
    let store: SharedStore
    let log: Logger
    private static let kind = "export-failed"
    private static let repetition = Duration.seconds(60)
    /// When each kind of message was last logged.
    private var said: [String: ContinuousClock.Instant] = [:]
    /// Whether an earlier process may have left an open incident.
    private var isFirst = true

    init(store: SharedStore, log: Logger) {
        self.store = store
        self.log = log
    }

    /// - Parameter facts: the log line's metadata.
    mutating func failed(_ reason: String, _ facts: Logger.Metadata) {
        // Drop digits and ids, which differ from one retry to the next.
        let shape = reason.filter { !$0.isHexDigit }
        if let at = said[shape], ContinuousClock.now - at < Self.repetition { return }
        log.error("export: \(reason) (counting continues; trying again)", metadata: facts)
        if said.isEmpty { note(reason, TimeSource.system.wall()) }
        if said.count > 100 { said = [:] }
        said[shape] = .now
        isFirst = false
    }

    private func note(_ reason: String, _ now: Int64) {
        // An unwritable state also fails the next flush, which reports it.
        try? store.with { store in
            try store.resolve(incidentsOfKind: Self.kind, now: now)
            try store.note(Incident(kind: Self.kind, detail: reason), now: now)
        }
    }

    mutating func succeeded() {
        if !said.isEmpty { log.info("export: resumed") }
        if !said.isEmpty || isFirst {
            let now = TimeSource.system.wall()
            try? store.with { try $0.resolve(incidentsOfKind: Self.kind, now: now) }
        }
        said = [:]
        isFirst = false
    }
}

/// Passes raw events from ingest to the segment writer.
final class SegmentSink: RawSink {
    private let writer: SegmentWriter
    private let failPoint: @Sendable (String) -> Void

    init(_ writer: SegmentWriter, failPoint: @escaping @Sendable (String) -> Void) {
        self.writer = writer
        self.failPoint = failPoint
    }

    func append(_ event: RawEvent, now: Int64) throws -> Bool {
        try writer.append(
            userID: event.userID, postcode: event.postcode, webpage: event.webpage,
            time: event.time, partition: event.partition, offset: event.offset,
            isLate: event.isLate, payload: event.payload, now: now)
    }

    func isDue(now: Int64) -> Bool { writer.isDue(now: now) }

    func close(covering offsets: [PartitionID: OffsetSpan]) throws -> Segment? {
        let segment = try writer.close(covering: offsets)
        if segment != nil { failPoint("segment.closed") }
        return segment
    }

    func discard() { writer.discard() }
    func isComplete(_ segment: Segment) -> Bool { writer.isComplete(segment) }
    func remove(_ names: [String]) { writer.remove(names) }
    func isFull(backlogBytes: Int64) -> Bool { writer.isFull(backlogBytes: backlogBytes) }
}
