// Where the two tables are, and how new ones are made.

package import State

/// Settings of the two tables.
package struct TableSettings: Sendable {
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

    /// Settings with the defaults of the command line.
    package init() {}

    /// A table's name without its namespace.
    package func name(of table: ExportTable) -> String {
        switch table {
        case .counts: countsTable
        case .raw: rawTable
        }
    }
}
