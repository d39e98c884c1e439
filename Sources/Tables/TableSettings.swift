// The names of the two tables, and the settings for creating them.

package import State

/// Settings of the two tables.
package struct TableSettings: Sendable {
    /// The levels of the tables' namespace.
    package var namespace: [String] = ["pageviews"]
    /// The counts table's name.
    package var countsTable = "postcode_view_count"
    /// The raw table's name.
    package var rawTable = "page_view"
    /// The Iceberg format version of new tables: 2 (position deletes) or 3 (deletion vectors).
    package var formatVersion = 2
    /// The root of new tables' data files, for `write.data.path`; nil leaves the location to the catalog.
    package var dataPath: String?

    /// Settings with the command line's defaults.
    package init() {}

    /// A table's name without its namespace.
    package func name(of table: ExportTable) -> String {
        switch table {
        case .counts: countsTable
        case .raw: rawTable
        }
    }
}
