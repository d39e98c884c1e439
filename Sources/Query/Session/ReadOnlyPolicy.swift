// Decides which actions a read-only session allows. It is pure, and refuses every action that is not known to be
// harmless.

import SQLite

/// The policy for statements of a read-only session.
enum ReadOnlyPolicy {
    /// Pragmas that report on the schema; an argument names the subject.
    static let reportingPragmas: Set<String> = [
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list",
        "integrity_check", "quick_check",
    ]

    /// Pragmas that only read when they have no argument.
    static let readingPragmas: Set<String> = [
        "application_id", "auto_vacuum", "busy_timeout", "cache_size", "collation_list", "compile_options",
        "data_version", "database_list", "encoding", "freelist_count", "function_list", "journal_mode", "module_list",
        "page_count", "page_size", "pragma_list", "query_only", "schema_version", "synchronous", "user_version",
        "wal_autocheckpoint",
    ]

    /// Functions that load code, hand out pointers, or touch files.
    static let refusedFunctions: Set<String> = [
        "load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "lsdir", "shell_add_schema",
        "sqlite_log",
    ]

    /// The name of a refused action, for the message; nil when the action is allowed.
    static func refusal(of action: Action, allowsTransactions: Bool) -> String? {
        switch action {
        case .select, .recursive, .read: nil
        case .function(let name): refusedFunctions.contains(name.lowercased()) ? "\(name)()" : nil
        case .pragma(let name, let argument): refusal(ofPragma: name, argument)
        case .transaction(let verb): allowsTransactions ? nil : verb
        case .savepoint: "SAVEPOINT"
        case .attach: "ATTACH"
        case .detach: "DETACH"
        // A table-valued function declares its columns this way. SQLite itself refuses a real change of this table,
        // since `writable_schema` cannot be switched on, and query_only does too.
        case .update(let table, _): table == "sqlite_master" ? nil : "UPDATE"
        case .other(let code): name(ofCode: code)
        }
    }

    private static func refusal(ofPragma name: String, _ argument: String?) -> String? {
        let pragma = name.lowercased()
        if reportingPragmas.contains(pragma) || (argument == nil && readingPragmas.contains(pragma)) { return nil }
        return argument == nil ? "PRAGMA \(name)" : "PRAGMA \(name) with a value"
    }

    /// https://www.sqlite.org/c3ref/c_alter_table.html
    private static func name(ofCode code: Int32) -> String {
        switch code {
        case 1, 3, 5, 7: "CREATE"
        case 2, 4: "CREATE TABLE"
        case 6, 8: "CREATE VIEW"
        case 9: "DELETE"
        case 10, 12, 14, 16: "DROP"
        case 11, 13: "DROP TABLE"
        case 15, 17: "DROP VIEW"
        case 18: "INSERT"
        case 26: "ALTER TABLE"
        case 27: "REINDEX"
        case 28: "ANALYZE"
        case 29, 30: "a virtual table"
        default: "this statement"
        }
    }
}
