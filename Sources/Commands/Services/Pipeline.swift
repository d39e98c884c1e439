// The services that `ingest` and `demo` run: counting, publishing, the pages, and export if there is a warehouse.

import Tables
import Health
import Base
import Dashboard
import Export
import Foundation
import Ingest
import Kafka
import Log
import Services
import State

/// Builds the services of one pipeline.
struct Pipeline {
    let ingest: IngestSettings
    let export: ExportOptions
    /// The address of the pages and their limits.
    let web: WebOptions
    /// The topics that late and rejected events are published to.
    var outboxes: [OutboxSettings] = []
    /// How long exported counts stay in the state, in milliseconds; nil for ever.
    var retentionMilliseconds: Int64?
    /// The interval of adding late events to their counts, in milliseconds; nil for never.
    var backfillMilliseconds: Int64?
    /// The name of this process in the error of another process that wants the state.
    let holder: String
    /// Set when a signal asks the service to stop.
    var stop = StopSignal()
    let log: Logger

    /// The services in starting order. They end in reverse: counting first, then publishing and export, then the pages
    /// and the heartbeat, which show how the others end. The tables are checked first; for a new state, before it is
    /// created.
    /// - Throws: `TableError` for tables that do not match the state, `StoreError`, `SQLiteError`,
    /// `ObjectStorageError` for a malformed warehouse, `Failure` for a wrong --listen.
    func services() async throws -> [any Service] {
        let environment = ProcessInfo.processInfo.environment
        // Wrong settings leave nothing behind, because they are checked before the state is created.
        try IngestService.check(ingest)
        for outbox in outboxes { try TopicName.check(outbox.topic, option: "\(outbox.name.rawValue)-topic") }
        let place = try web.place(environment: environment)
        let warehouse = try ExportAssembly(options: export, environment: environment).warehouse()
        let settings = exportSettings
        let isBegun = FileManager.default.fileExists(atPath: ingest.statePath)
        if let warehouse, !isBegun {
            try await TableCheck.run(stop, log) { try await Exporter.checkUnbegun(settings, warehouse) }
        }
        let store = SharedStore(
            try Store(path: ingest.statePath, settings: ingest.windows, holder: "\(holder) (pid \(getpid()))"))
        try store.with { try $0.checkEvicted() }
        let end = EndOfInput(asked: stop)
        let failPoint = WriterEnvironment.failPoint(environment)
        let board = HealthBoard(health(exports: warehouse != nil))
        let watching = watchers(place, board, end)
        let publishing = outboxes.map {
            PublishingService(
                settings: PublishingService.complete($0, ingest), store: store, end: end, board: board,
                failPoint: failPoint, log: log)
        }
        guard let warehouse else { return watching + publishing + [counting(store, end, board)] }
        var surroundings = WriterEnvironment.system(log: log, environment: environment)
        surroundings.committed = { commitID, bytes, time in
            let milliseconds = time.components.seconds * 1000 + time.components.attoseconds / 1_000_000_000_000_000
            board.committed(.init(commitID: commitID, bytes: bytes, milliseconds: milliseconds))
        }
        let work = TableWork(settings: settings, store: store, warehouse: warehouse, environment: surroundings)
        if isBegun {
            do {
                try await TableCheck.run(stop, log) { try await work.exporter().check() }
            } catch {
                // The heartbeat has not started, so write its file here: `status` then shows the reason.
                board.fail(Failure(error)?.text ?? "\(error)")
                HealthFile(state: ingest.statePath)?.write(board.current)
                throw error
            }
        }
        let exporting = ExportService(
            work: work, intervalMilliseconds: settings.intervalMilliseconds, backfillMilliseconds: backfillMilliseconds,
            end: end, log: log, board: board)
        let probing: [any Service] =
            web.probeWarehouse ? [WarehouseProbe(options: export, environment: environment, board: board)] : []
        return watching + probing + [exporting] + publishing
            + [counting(store, end, board, export: settings, failPoint: failPoint)]
    }

    private var exportSettings: ExportSettings {
        var settings = export.settings(state: ingest.statePath)
        settings.retentionMilliseconds = retentionMilliseconds
        return settings
    }

    private func health(exports: Bool) -> ServiceHealth {
        var settings = HealthSettings(flushIntervalMilliseconds: ingest.flushIntervalMilliseconds)
        if exports {
            settings.exportIntervalMilliseconds = export.exporter.intervalMilliseconds
            settings.spoolBudgetBytes = export.exporter.spoolBudgetBytes
        }
        return ServiceHealth(
            pid: getpid(), host: StatusReader.hostName(), version: Pageviews.version, now: TimeSource.system.wall(),
            brokers: ingest.bootstrapServers, topic: ingest.topic, settings: settings)
    }

    /// The heartbeat, and the pages unless they are off.
    private func watchers(_ place: WebPlace?, _ board: HealthBoard, _ end: EndOfInput) -> [any Service] {
        let heartbeat = Heartbeat.service(board, state: ingest.statePath, end: end)
        guard let place else { return [heartbeat] }
        let provider = StatusProvider(path: ingest.statePath, board: board)
        let runner = QueryRunner(
            state: ingest.statePath, timeoutMilliseconds: web.queryMilliseconds)
        let startedAt = board.current.startedAt
        let sources = DashboardSources(
            report: { provider.currentReport() }, series: { provider.currentSeries() },
            process: { ProcessReadings.facts(startedAt: startedAt) }, query: { runner.answer($0) },
            willStop: { runner.stop() })
        return [
            heartbeat, WebService(place: place, sources: sources, limits: web.limits, board: board, log: log),
        ]
    }

    private func counting(
        _ store: SharedStore, _ end: EndOfInput, _ board: HealthBoard, export: ExportSettings? = nil,
        failPoint: @escaping @Sendable (String) -> Void = { _ in }
    ) -> ThreadService {
        let stop = StopSignal()
        return ThreadService(name: "ingest", stop: stop, willStop: { end.tell() }) { [ingest, log] in
            let service = IngestService(
                settings: ingest, stop: stop, time: .system, random: { UInt64.random(in: .min ... .max) }, log: log,
                board: board)
            do {
                let sink = try export.map { SegmentSink(try Self.segmentWriter($0, store), failPoint: failPoint) }
                try service.run(store, raw: sink)
            } catch {
                board.fail(Failure(error)?.text ?? "\(error)", code: Self.code(of: error))
                throw error
            }
            board.enter(.stopping)
            if !stop.wasSet { end.set() }
        }
    }

    /// The error's own reason code, if it has one.
    private static func code(of error: any Error) -> StatusReason.Code? {
        switch error {
        case let error as IngestError where error.isForeignState: .topicChanged
        case StoreError.otherCluster, StoreError.otherTopic: .topicChanged
        default: nil
        }
    }

    /// A writer on the spool; it removes files that no segment names.
    private static func segmentWriter(_ settings: ExportSettings, _ store: SharedStore) throws -> SegmentWriter {
        let keep = try store.with { store in
            Set(try store.segments(limit: Int(Int32.max)).flatMap(\.fileNames))
        }
        return try SegmentWriter(settings: settings, keep: keep) {
            UUID().uuidString.lowercased()
        }
    }
}
