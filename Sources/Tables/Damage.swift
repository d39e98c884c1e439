// What tells a damaged table from one that cannot be reached.

import Base
import HTTP
import Iceberg
import ObjectStorage
import SQLite
import State
import TableScan

/// Whether an error says that a table is damaged, not that it cannot be reached.
package enum Damage {
    /// The error is about the table's files, not about the way to them.
    package static func isDamage(_ error: any Error) -> Bool {
        switch error {
        case is TableReadError, is IcebergError: true
        case let error as ObjectStorageError: error.kind == .notFound || error.kind == .invalid
        case is SpoolError, is CancellationError, is CatalogError, is TableError, is StoreError: false
        case is SQLiteError, is HTTPError: false
        default: true
        }
    }
}
