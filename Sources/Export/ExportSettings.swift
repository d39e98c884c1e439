// Settings of the exporter.

package import Tables

/// Settings of the export.
package struct ExportSettings: Sendable {
    /// The tables that are written.
    package var tables = TableSettings()
    /// The interval of the exports, and the age at which a segment is closed, in milliseconds.
    package var intervalMilliseconds: Int64 = 60_000
    /// The size at which a segment is closed, in bytes.
    var segmentBytes: Int64 = 64 << 20
    /// The bytes of waiting segments at which consuming pauses.
    package var spoolBudgetBytes: Int64 = 10 << 30
    /// Also keeps the messages as JSON lines.
    package var keepsJSON = true
    /// The age at which exported counts are evicted from the state, in milliseconds; nil keeps them.
    package var retentionMilliseconds: Int64?
    /// Thresholds for merging files and expiring snapshots.
    package var maintenance = MaintenanceSettings()
    /// Path of the folder with the local files that wait for export.
    package var spoolFolder: String

    /// Settings with the defaults of the command line.
    package init(spoolFolder: String) { self.spoolFolder = spoolFolder }
}
