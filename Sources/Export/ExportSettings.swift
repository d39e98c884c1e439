// What the exporter can be told.

package import Tables

/// Settings of the export.
package struct ExportSettings: Sendable {
    /// The tables that are written.
    package var tables = TableSettings()
    /// The longest time between two exports, and the age at which a segment is closed, in milliseconds.
    package var intervalMilliseconds: Int64 = 60_000
    /// The size at which a segment is closed, in bytes.
    var segmentBytes: Int64 = 64 << 20
    /// The bytes of waiting segments at which consuming pauses.
    package var spoolBudgetBytes: Int64 = 10 << 30
    /// Keeps the messages as JSON lines too.
    package var keepsJSON = true
    /// Exported counts older than this leave the state; nil keeps them.
    package var retentionMilliseconds: Int64?
    /// When files are merged and snapshots expire.
    package var maintenance = MaintenanceSettings()
    /// The folder of local files that wait for export.
    package var spoolFolder: String

    /// Settings with the defaults of the command line.
    package init(spoolFolder: String) { self.spoolFolder = spoolFolder }
}
