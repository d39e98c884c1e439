// What the exporter can be told.

package import Store

/// Settings of the export.
package struct ExportSettings: Sendable {
    /// The levels of the tables' namespace.
    package var namespace: [String] = ["pageviews"]
    /// The counts table's name.
    package var countsTable = "postcode_view_count"
    /// The raw table's name.
    package var rawTable = "page_view"
    /// 2 (position deletes) or 3 (deletion vectors).
    package var formatVersion = 2
    /// Where the tables' data files go, as `write.data.path`; nil leaves it to the catalog.
    package var dataPath: String?
    /// The longest time between two exports, and the age at which a segment is closed, in milliseconds.
    package var intervalMilliseconds: Int64 = 60_000
    /// The size at which a segment is closed, in bytes.
    package var segmentBytes: Int64 = 64 << 20
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

    /// A table's name without its namespace.
    package func name(of table: ExportTable) -> String {
        switch table {
        case .counts: countsTable
        case .raw: rawTable
        }
    }
}
