// The error of reading a table's rows: the file, and what is wrong at which position.

import Base
import Iceberg
import ObjectStorage
import Parquet

/// A table's file that cannot be read.
package struct TableReadError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The file's location.
    package let file: String
    /// What is wrong, with the position in the file where known.
    package let reason: String

    /// An error about `file`.
    package init(file: String, reason: String) {
        self.file = file
        self.reason = reason
    }

    /// The error in one line.
    package var description: String { "cannot read \(file): \(reason)".onOneLine }

    /// Runs `body` and turns a `ParquetError` into a `TableReadError` that names `file`; rethrows other errors.
    package static func naming<Result>(_ file: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ParquetError {
            throw TableReadError(file: file, reason: error.description)
        }
    }
}
