// What a connection for untrusted statements needs beyond the ordinary: opening a file that nobody can be writing, and
// the limits that keep one statement from eating the machine.

import CSQLite

/// Limits of the compiler and of pattern matching that `Limit` does not name.
package enum StatementLimit: Sendable {
    /// Columns of a table, result set, GROUP BY or ORDER BY.
    case columns
    /// Instructions of a compiled statement.
    case instructions
    /// Bytes of the pattern of LIKE and GLOB, whose cost grows with its product with the text.
    case likePattern
    /// The largest number of a parameter.
    case parameters
    /// Depth of triggers within triggers.
    case triggerDepth

    var option: Int32 {
        switch self {
        case .columns: SQLITE_LIMIT_COLUMN
        case .instructions: SQLITE_LIMIT_VDBE_OP
        case .likePattern: SQLITE_LIMIT_LIKE_PATTERN_LENGTH
        case .parameters: SQLITE_LIMIT_VARIABLE_NUMBER
        case .triggerDepth: SQLITE_LIMIT_TRIGGER_DEPTH
        }
    }
}

extension Connection {
    /// Lowers a limit; SQLite's compile-time maximum stays the upper bound.
    package func setLimit(_ limit: StatementLimit, to value: Int32) {
        sqlite3_limit(handle, limit.option, value)
    }

    /// Opens a file without locks, -wal or -shm file: right only while nobody writes to it
    /// (https://www.sqlite.org/uri.html#uriimmutable). It serves a reader who may not create files beside the database.
    /// - Throws: `SQLiteError` when the file cannot be opened.
    package convenience init(immutablePath path: String) throws {
        var uri = "file://"
        for byte in try FileName.absolute(path).utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                uri.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16)
                uri += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        try self.init(name: uri + "?mode=ro&immutable=1", flags: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
    }
}
