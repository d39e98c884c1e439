// The one error type of this target. Invariant: an error about bytes that were read names the position in the file.

import Base

/// Why a Parquet file could not be written or read.
package enum ParquetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file's bytes are not valid Parquet; `position` is the offset in the file at or near the fault.
    case corrupt(position: Int, reason: String)
    /// Valid Parquet that this reader does not read (encryption, another codec, nested columns); at `position` in the file.
    case unsupported(position: Int, what: String)
    /// The file asks for more than the reader's `ReadLimits` allow; at `position` in the file.
    case overLimit(position: Int, what: String)
    /// The writer was told something that cannot be written: a null in a required column, columns of unequal length.
    case invalid(String)

    /// One line: what is wrong and where.
    package var description: String { words.onOneLine }

    private var words: String {
        switch self {
        case .corrupt(let position, let reason): "corrupt Parquet file at byte \(position): \(reason)"
        case .unsupported(let position, let what): "Parquet feature not supported, at byte \(position): \(what)"
        case .overLimit(let position, let what): "Parquet file over the reader's limit at byte \(position): \(what)"
        case .invalid(let reason): "cannot write Parquet: \(reason)"
        }
    }
}
