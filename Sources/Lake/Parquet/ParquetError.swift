// The error type of this target. The cases for bytes that were read carry the position in the file.

import Base

/// A Parquet file that cannot be read or written.
package enum ParquetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The bytes are not valid Parquet; `position` is the byte offset in the file, from 0, at or near the fault.
    case corrupt(position: Int, reason: String)
    /// Valid Parquet that this reader does not support (encryption, another codec, nested columns), at byte `position`.
    case unsupported(position: Int, what: String)
    /// The file exceeds the reader's `ReadLimits`, at byte `position`.
    case overLimit(position: Int, what: String)
    /// A mistake of the caller, such as a null in a required column or columns of unequal length.
    case invalid(String)

    /// The error in one line: what is wrong, and where.
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
