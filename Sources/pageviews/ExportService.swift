// The exporter as a service beside the counting: a cycle every interval, and a last one when counting has ended.

internal import Export
internal import Foundation
internal import HTTP
internal import Iceberg
internal import Ingest
internal import Logging
internal import ObjectStorage
internal import ServiceLifecycle
internal import SQLite
internal import Store
internal import Synchronization

/// Whether counting ended because it reached the end, and not because it was told to.
final class EndOfInput: Sendable {
    private let reached = Atomic<Bool>(false)
    func set() { reached.store(true, ordering: .releasing) }
    var wasReached: Bool { reached.load(ordering: .acquiring) }
}

/// Runs an exporter until graceful shutdown.
struct ExportService: Service {
    let makeExporter: @Sendable () throws -> Exporter
    let store: SharedStore
    let intervalMilliseconds: Int64
    let end: EndOfInput
    let log: Logger
    /// How long the last export may take when the service was told to stop.
    private static let farewell = Duration.seconds(4)
    private static let incidentKind = "export-failed"

    func run() async throws {
        let exporter = try makeExporter()
        var pause = intervalMilliseconds
        while !Task.isShuttingDownGracefully {
            await sleep(milliseconds: pause)
            if Task.isShuttingDownGracefully { break }
            pause = try await cycle(exporter) ? intervalMilliseconds : min(max(1000, intervalMilliseconds), 10_000)
        }
        try await finish(exporter)
    }

    private func sleep(milliseconds: Int64) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(for: .milliseconds(milliseconds)) }
            group.addTask { try? await gracefulShutdown() }
            await group.next()
            group.cancelAll()
        }
    }

    /// - Returns: whether everything was exported.
    /// - Throws: only what waiting does not mend.
    private func cycle(_ exporter: Exporter) async throws -> Bool {
        let end = end
        do {
            // Maintenance gives way when the service is told to stop; when the input has ended it has its turn.
            try await exporter.cycle { end.wasReached || !Task.isShuttingDownGracefully }
            let now = TimeSource.system.wall()
            try store.with { try $0.resolve(incidentsOfKind: Self.incidentKind, now: now) }
            return true
        } catch let error as ExportError where error.isForeign {
            throw error
        } catch {
            complain("\(error)")
            return false
        }
    }

    private func complain(_ reason: String) {
        log.error("export: \(reason) (counting goes on; trying again)")
        let now = TimeSource.system.wall()
        try? store.with { store in
            let open = try store.connection.integer(
                "SELECT count(*) FROM incident WHERE kind = '\(Self.incidentKind)' AND resolved_at_ms IS NULL")
            if open == 0 { try store.note(Incident(kind: Self.incidentKind, detail: reason), now: now) }
        }
    }

    /// The last export: as long as it takes when the input has ended, a few seconds when the service was told to stop.
    private func finish(_ exporter: Exporter) async throws {
        guard end.wasReached else {
            await withDeadline(Self.farewell) { _ = try? await cycle(exporter) }
            return
        }
        for attempt in 1...5 {
            if try await cycle(exporter) { return }
            if attempt < 5 { try? await Task.sleep(for: .seconds(attempt)) }
        }
        throw Failure(
            "not everything could be exported; it waits in the state and its spool for the next run", exitCode: 4)
    }

    /// Runs `work`, and cancels it at the deadline; an export that is cut short is gone on with by the next run.
    private func withDeadline(_ duration: Duration, _ work: @escaping () async -> Void) async {
        let task = Task.detached { [work = UncheckedWork(run: work)] in await work.run() }
        let timer = Task.detached {
            try? await Task.sleep(for: duration)
            task.cancel()
        }
        await task.value
        timer.cancel()
    }
}

/// Moves a closure into a task that is awaited before its captures are used again.
private struct UncheckedWork: @unchecked Sendable {
    let run: () async -> Void
}

/// Feeds the segment writer with what ingest hands out.
final class SegmentSink: RawSink {
    private let writer: SegmentWriter
    init(_ writer: SegmentWriter) { self.writer = writer }

    func append(_ event: RawEvent, now: Int64) throws -> Bool {
        try writer.append(
            userID: event.userID, postcode: event.postcode, webpage: event.webpage,
            timeMicroseconds: event.timeMicroseconds, partition: event.partition, offset: event.offset,
            isLate: event.isLate, payload: event.payload, now: now)
    }

    func isDue(now: Int64) -> Bool { writer.isDue(now: now) }
    func close(covering offsets: [Int32: OffsetSpan]) throws -> Segment? { try writer.close(covering: offsets) }
    func discard() { writer.discard() }
    func isFull(backlogBytes: Int64) -> Bool { writer.isFull(backlogBytes: backlogBytes) }
}
