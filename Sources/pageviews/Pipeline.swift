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
        let end = EndOfInput()
        guard let warehouse else { return [counting(store, nil, end)] }
        let settings = export.settings(state: ingest.statePath)
        let surroundings = ExportEnvironment.system(log: log, environment: environment)
        let exporting = ExportService(
            makeExporter: {
                Exporter(settings: settings, store: store, warehouse: warehouse, environment: surroundings)
            }, store: store, intervalMilliseconds: settings.intervalMilliseconds, end: end, log: log)
        return [exporting, counting(store, settings, end)]
    }

    private func counting(_ store: SharedStore, _ export: ExportSettings?, _ end: EndOfInput) -> ThreadService {
        let stop = StopSignal()
        return ThreadService(name: "ingest", stop: stop) { [ingest, log] in
            let service = IngestService(
                settings: ingest, stop: stop, time: .system, random: { UInt64.random(in: .min ... .max) }, log: log)
            try service.run(store, raw: try export.map { SegmentSink(try Self.segmentWriter($0, store)) })
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
