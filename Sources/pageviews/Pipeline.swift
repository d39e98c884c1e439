// The service as both `ingest` and `demo` run it: counting, and export where there is a warehouse.

internal import Export
internal import Foundation
internal import Ingest
internal import Logging
internal import ServiceLifecycle
internal import Store

/// Builds the services of one pipeline.
struct Pipeline {
    let ingest: IngestSettings
    let export: ExportOptions
    /// The topics that late and rejected events are published to.
    var outboxes: [OutboxSettings] = []
    /// How long exported counts stay in the state, in milliseconds; nil: for ever.
    var retentionMilliseconds: Int64?
    /// How often late events are added to their counts, in milliseconds; nil: never.
    var backfillMilliseconds: Int64?
    /// What another process that wants the state is told of this one.
    let holder: String
    let log: Logger

    /// The services, in the order in which they are started; they end in the reverse order, counting first.
    /// - Throws: `StoreError`, `SQLiteError`, or `ObjectStorageError` for a malformed warehouse.
    func services() throws -> [any Service] {
        let environment = ProcessInfo.processInfo.environment
        // Wrong settings leave nothing behind: they are looked at before the state is made.
        try IngestService.check(ingest)
        let warehouse = try ExportAssembly(options: export, environment: environment).warehouse()
        let store = SharedStore(
            try Store(path: ingest.statePath, settings: ingest.windows, holder: "\(holder) (pid \(getpid()))"))
        try store.with { try $0.checkEvicted() }
        let end = EndOfInput()
        let failPoint = ExportEnvironment.failPoint(environment)
        let publishing = outboxes.map { PublishingService.make($0, store, end, failPoint, log) }
        guard let warehouse else { return publishing + [counting(store, end)] }
        var settings = export.settings(state: ingest.statePath)
        settings.retentionMilliseconds = retentionMilliseconds
        let surroundings = ExportEnvironment.system(log: log, environment: environment)
        let exporting = ExportService(
            makeExporter: { [settings] in
                Exporter(settings: settings, store: store, warehouse: warehouse, environment: surroundings)
            }, store: store, intervalMilliseconds: settings.intervalMilliseconds,
            backfillMilliseconds: backfillMilliseconds, end: end, log: log)
        return [exporting] + publishing + [counting(store, end, export: settings, failPoint: failPoint)]
    }

    private func counting(
        _ store: SharedStore, _ end: EndOfInput, export: ExportSettings? = nil,
        failPoint: @escaping @Sendable (String) -> Void = { _ in }
    ) -> ThreadService {
        let stop = StopSignal()
        return ThreadService(name: "ingest", stop: stop) { [ingest, log] in
            let service = IngestService(
                settings: ingest, stop: stop, time: .system, random: { UInt64.random(in: .min ... .max) }, log: log)
            let sink = try export.map { SegmentSink(try Self.segmentWriter($0, store), failPoint: failPoint) }
            try service.run(store, raw: sink)
            if !stop.wasSet { end.set() }
        }
    }

    /// A writer over the spool, tidied of what no segment and no intent names.
    private static func segmentWriter(_ settings: ExportSettings, _ store: SharedStore) throws -> SegmentWriter {
        let keep = try store.with { store in
            Set(try store.segments(limit: Int(Int32.max)).flatMap(\.fileNames))
        }
        return try SegmentWriter(settings: settings, keep: keep) {
            UUID().uuidString.lowercased()
        }
    }
}
