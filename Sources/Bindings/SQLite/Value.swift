// An SQLite value, copied from a row.

/// A value of one of SQLite's five storage classes (https://www.sqlite.org/datatype3.html).
package enum Value: Equatable, Sendable {
    /// NULL.
    case null
    /// A 64-bit signed integer.
    case integer(Int64)
    /// A 64-bit IEEE float.
    case real(Double)
    /// Text, with bytes that are not UTF-8 replaced by U+FFFD.
    case text(String)
    /// Bytes.
    case blob([UInt8])
}
