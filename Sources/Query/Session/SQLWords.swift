// Words of SQLite's SQL: the bytes of a word, and the keywords for completion and suggestions.

/// Words of SQL.
enum SQLWords {
    /// Whether a byte can be part of an unquoted word. Bytes above ASCII can, as in SQLite.
    static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...0xFF:
            true
        default: false
        }
    }

    /// The keywords of statements that only read.
    static let keywords = [
        "ALL", "AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "COLLATE", "CROSS", "CURRENT_TIMESTAMP", "DESC",
        "DISTINCT", "ELSE", "END", "ESCAPE", "EXCEPT", "EXISTS", "EXPLAIN", "FILTER", "FOLLOWING", "FROM", "FULL",
        "GLOB", "GROUP", "GROUPS", "HAVING", "IN", "INNER", "INTERSECT", "IS", "ISNULL", "JOIN", "LAST", "LEFT", "LIKE",
        "LIMIT", "MATERIALIZED", "NATURAL", "NOT", "NOTNULL", "NULL", "NULLS", "OFFSET", "ON", "OR", "ORDER", "OUTER",
        "OVER", "PARTITION", "PLAN", "PRAGMA", "PRECEDING", "QUERY", "RANGE", "RECURSIVE", "RIGHT", "ROWS", "SELECT",
        "THEN", "UNBOUNDED", "UNION", "USING", "VALUES", "WHEN", "WHERE", "WINDOW", "WITH",
    ]
}
