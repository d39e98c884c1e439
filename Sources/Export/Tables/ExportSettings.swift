// What the exporter can be told.

public import Store

/// Settings of the export.
public struct ExportSettings: Sendable {
    /// The levels of the tables' namespace.
    public var namespace: [String] = ["pageviews"]
    /// The counts table's name.
    public var countsTable = "postcode_view_count"
    /// The raw table's name.
    public var rawTable = "page_view"
    /// 2 (position deletes) or 3 (deletion vectors).
    public var formatVersion = 2
    /// Where the tables' data files go, as `write.data.path`; nil leaves it to the catalog.
    public var dataPath: String?
    /// The longest time between two exports, and the age at which a segment is closed, in milliseconds.
    public var intervalMilliseconds: Int64 = 60_000
    /// The size at which a segment is closed, in bytes.
    public var segmentBytes: Int64 = 64 << 20
    /// The bytes of waiting segments at which consuming pauses.
    public var spoolBudgetBytes: Int64 = 10 << 30
    /// Keeps the messages as JSON lines too.
    public var keepsJSON = true
    /// Exported counts older than this leave the state; nil keeps them.
    public var retentionMilliseconds: Int64?
    /// When files are merged and snapshots expire.
    public var maintenance = MaintenanceSettings()
    /// The folder of local files that wait for export.
    public var spoolFolder: String

    /// Settings with the defaults of the command line.
    public init(spoolFolder: String) { self.spoolFolder = spoolFolder }

    /// A table's name without its namespace.
    public func name(of table: ExportTable) -> String {
        switch table {
        case .counts: countsTable
        case .raw: rawTable
        }
    }
}
