// Why rows of a table could not be read: which file, and what is wrong with it where.

import Iceberg
import ObjectStorage
import Parquet

/// A file of a table that cannot be read.
package struct TableReadError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The file's location.
    package let file: String
    /// What is wrong, with the position in the file where there is one.
    package let reason: String

    /// A file that cannot be read for a reason.
    package init(file: String, reason: String) {
        self.file = file
        self.reason = reason
    }

    /// One line.
    package var description: String { "cannot read \(file): \(reason)" }

    /// Runs `body` and names `file` in what it says of the file's bytes; other errors stay as they are.
    package static func naming<Result>(_ file: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ParquetError {
            throw TableReadError(file: file, reason: error.description)
        }
    }
}
