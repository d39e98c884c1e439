// Connections for untrusted statements: opening a file without locks, and limits on the resources of a statement.

import CSQLite

/// Limits of the compiler and of pattern matching, beyond those of `Limit`.
package enum StatementLimit: Sendable {
    /// Columns of a table, result set, GROUP BY or ORDER BY.
    case columns
    /// Instructions of a compiled statement.
    case instructions
    /// Bytes of a pattern of LIKE or GLOB. The cost of a match grows with the product of pattern and text length.
    case likePattern
    /// The largest parameter number.
    case parameters
    /// Depth of nested triggers.
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
    /// Sets a limit, at most SQLite's compile-time maximum. A negative value leaves it unchanged.
    package func setLimit(_ limit: StatementLimit, to value: Int32) {
        sqlite3_limit(handle, limit.option, value)
    }

    /// Opens a file without locks, -wal or -shm file, for a reader who may not create files beside the database.
    /// Correct only while nobody writes to the file (https://www.sqlite.org/uri.html#uriimmutable).
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
