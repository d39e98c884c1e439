// One state with its warehouse: makes the exporter and the backfill, which work on both.

import Export
import Recovery
import State
import Tables

/// What the exporter and the backfill of one state share.
struct TableWork: Sendable {
    let settings: ExportSettings
    let store: SharedStore
    let warehouse: Warehouse
    let environment: WriterEnvironment

    func exporter() -> Exporter {
        Exporter(settings: settings, store: store, warehouse: warehouse, environment: environment)
    }

    /// A backfill; it runs in the exporter's task.
    func backfill() -> Backfill {
        Backfill(
            settings: settings.tables, store: store, warehouse: warehouse, environment: environment,
            spoolFolder: settings.spoolFolder)
    }
}
