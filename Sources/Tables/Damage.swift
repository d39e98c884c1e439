// Distinguishes a damaged table from an unreachable one.

import Base
import HTTP
import Iceberg
import ObjectStorage
import SQLite
import State
import TableScan

/// Classifies the errors of reading tables.
package enum Damage {
    /// Whether the error is about the content of a table's files, not about reaching them. Unknown errors count as
    /// damage.
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
