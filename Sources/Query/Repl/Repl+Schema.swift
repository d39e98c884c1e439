// Commands about tables, views and functions.

internal import SQLite

extension Repl {
    func performSchema(_ action: CommandAction, _ command: CommandLine) {
        let argument = command.arguments.first
        switch action {
        case .tables: listRelations(argument, kinds: "'view'")
        case .allTables: listRelations(argument, kinds: "'view', 'table'")
        case .describe: argument.map(describe) ?? listRelations(nil, kinds: "'view'")
        case .indexes: listIndexes(argument)
        default: listFunctions(argument)
        }
    }

    /// Runs SQL of our own as if it had been typed.
    func run(_ sql: String) {
        execute(StatementText(text: sql, byteOffset: 0, line: lineNumber, isComplete: true))
    }

    /// `*` and `?` of a pattern, as psql has them; a bare word matches anywhere.
    private static func condition(_ column: String, _ pattern: String?) -> String {
        guard let pattern else { return "" }
        let glob = pattern.contains { "*?[".contains($0) } ? pattern : "*\(pattern)*"
        return " AND \(column) GLOB \(literal(.text(glob)))"
    }

    private func listRelations(_ pattern: String?, kinds: String) {
        run(
            """
            SELECT s.name, s.type, group_concat(c.name, ', ') AS columns
            FROM sqlite_schema AS s JOIN pragma_table_xinfo(s.name) AS c
            WHERE s.type IN (\(kinds)) AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'\(Self.condition("s.name", pattern))
            GROUP BY s.name ORDER BY s.type DESC, s.name
            """)
    }

    private func listIndexes(_ table: String?) {
        run(
            "SELECT name, tbl_name AS \"table\" FROM sqlite_schema WHERE type = 'index'\(Self.condition("tbl_name", table)) ORDER BY 1"
        )
    }

    private func listFunctions(_ pattern: String?) {
        run(
            """
            SELECT name, group_concat(DISTINCT narg) AS arguments FROM pragma_function_list
            WHERE name GLOB '[a-z]*'\(Self.condition("name", pattern)) GROUP BY name ORDER BY name
            """)
    }

    private func describe(_ name: String) {
        let schema = session.schema()
        guard schema.relations.contains(where: { $0.name.lowercased() == name.lowercased() }) else {
            let guess = schema.vocabulary.suggestion(for: "no such table: \(name)").map { ": did you mean \($0)?" }
            return fail("there is no table or view \(ValueText.visible(name))\(guess ?? " (\\dt lists them)")")
        }
        let quoted = Self.literal(.text(name))
        run(
            """
            SELECT name AS "column", type, CASE WHEN pk > 0 THEN 'key ' || pk WHEN "notnull" THEN 'not null' ELSE '' END AS rule
            FROM pragma_table_xinfo(\(quoted)) ORDER BY cid
            """)
        guard !isDone, let sql = first("SELECT sql FROM sqlite_schema WHERE lower(name) = lower(\(quoted))") else {
            return
        }
        (target?.output ?? out).write(
            sql.split(separator: "\n").map { ValueText.visible(String($0)) }.joined(separator: "\n") + ";\n")
    }

    /// The first value of a statement as text; nil when there is none.
    func first(_ sql: String) -> String? {
        var value: Value = .null
        _ = try? session.run(sql) { row in
            value = row.first ?? .null
            return false
        }
        return ValueText.plain(value)
    }
}
