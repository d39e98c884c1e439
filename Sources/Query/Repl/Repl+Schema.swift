// Commands about tables, views and functions.

import SQLite

extension Repl {
    static let schemaCommands: [Command] = [
        Command(
            ["\\dt", ".tables", "\\dv"], "[PATTERN]", completes: .relations, "views to query",
            statements: [ForeignStatement("show", "tables"), ForeignStatement("show", "views")]
        ) { $0.listViews($1.firstArgument) },
        Command(["\\dt+"], "[PATTERN]", completes: .relations, "views, and the tables beneath them") {
            $0.listRelations($1.firstArgument)
        },
        Command(
            ["\\d", ".schema"], "[NAME]", completes: .relations, "columns and definition of one, or of all",
            statements: [ForeignStatement("describe", then: .oneWord), ForeignStatement("desc", then: .oneWord)]
        ) { repl, invocation in
            guard let name = invocation.firstArgument else { return repl.listViews(nil) }
            repl.describe(name)
        },
        Command(["\\di", ".indexes"], "[NAME]", completes: .relations, "indexes") { $0.listIndexes($1.firstArgument) },
        Command(
            ["\\summary", ".summary"], "NAME|SELECT ...", completes: .sql { _ in .relations },
            "least, greatest, mean of each column", statements: [ForeignStatement("summarize", then: .text)]
        ) { $0.summarize($1.rest) },
        Command(["\\df"], "[PATTERN]", completes: .nothing, "functions") { $0.listFunctions($1.firstArgument) },
    ]

    /// Runs a command's SQL as if the user had typed it.
    func run(_ sql: String) {
        execute(StatementText(text: sql, byteOffset: 0, line: lineNumber, isComplete: true))
    }

    /// A condition for a psql pattern with `*` and `?`; a bare word matches anywhere.
    private static func condition(_ column: String, _ pattern: String?) -> String {
        guard let pattern else { return "" }
        let glob = pattern.contains { "*?[".contains($0) } ? pattern : "*\(pattern)*"
        return " AND \(column) GLOB \(literal(.text(glob)))"
    }

    /// Descriptions of the state's views.
    private static let descriptions = [
        ("postcode_view_count", "views per postcode and minute; live"),
        ("late_events", "events that came too late to be counted"),
        ("rejected_events", "records without a valid event, and why"),
        ("partitions", "offsets, lag and watermark of each partition"),
        ("exports", "what was committed to the tables"),
        ("incidents", "what went wrong, and whether it is over"),
        ("history", "what was entered at this prompt"),
    ]

    private func listViews(_ pattern: String?) {
        let cases = Self.descriptions.map { "WHEN \(Self.literal(.text($0))) THEN \(Self.literal(.text($1)))" }
        run(
            """
            SELECT name, CASE name \(cases.joined(separator: " ")) ELSE '' END AS holds
            FROM (SELECT name, type FROM sqlite_schema UNION SELECT name, type FROM sqlite_temp_schema)
            WHERE type = 'view'\(Self.condition("name", pattern)) ORDER BY name
            """)
    }

    private func listRelations(_ pattern: String?) {
        run(
            """
            SELECT s.name, s.type, group_concat(c.name, ', ') AS columns
            FROM sqlite_schema AS s JOIN pragma_table_xinfo(s.name, 'main') AS c
            WHERE s.type IN ('view', 'table') AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            \(Self.condition("s.name", pattern))
            GROUP BY s.name ORDER BY s.type DESC, s.name
            """)
    }

    private func listIndexes(_ table: String?) {
        let condition = Self.condition("tbl_name", table)
        run("SELECT name, tbl_name AS \"table\" FROM sqlite_schema WHERE type = 'index'\(condition) ORDER BY 1")
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
        let isOfState = "EXISTS (SELECT 1 FROM sqlite_schema WHERE lower(name) = lower(\(quoted)))"
        run(
            """
            SELECT name AS "column", type,
              CASE WHEN pk > 0 THEN 'key ' || pk WHEN "notnull" THEN 'not null' ELSE '' END AS rule
            FROM pragma_table_xinfo(\(quoted), iif(\(isOfState), 'main', 'temp')) ORDER BY cid
            """)
        guard mayContinue, let sql = first(Self.definition(of: quoted)) else {
            return
        }
        (target?.output ?? out).write(
            sql.split(separator: "\n").map { ValueText.visible(String($0)) }.joined(separator: "\n") + ";\n")
    }

    private static func definition(of quoted: String) -> String {
        """
        SELECT sql FROM (SELECT name, sql FROM sqlite_schema UNION ALL SELECT name, sql FROM sqlite_temp_schema)
        WHERE lower(name) = lower(\(quoted)) LIMIT 1
        """
    }

    /// Shows one row per column of a table or SELECT: minimum, maximum, mean, number of distinct values, number of
    /// NULLs.
    private func summarize(_ what: String) {
        let source = what.trimmed
        guard !source.isEmpty else { return fail("\\summary takes a table or a SELECT") }
        let isStatement = source.contains(where: \.isWhitespace)
        let from =
            isStatement
            ? "(\(source.hasPrefix("(") ? String(source.dropFirst().dropLast()) : source))" : source.quoted(with: "\"")
        var columns: [String] = []
        do throws(QueryError) {
            _ = try session.run("SELECT * FROM \(from) LIMIT 0", parameters: parameters) {
                columns = $0
            } receive: { _ in
                true
            }
        } catch {
            return fail(
                error, statement: StatementText(text: source, byteOffset: 0, line: lineNumber, isComplete: true))
        }
        let rows = columns.prefix(50).map { column in
            let name = column.quoted(with: "\"")
            return """
                SELECT \(column.quoted(with: "'")) AS "column", min(\(name)) AS least, max(\(name)) AS greatest,
                CASE WHEN max(typeof(\(name)) IN ('integer', 'real')) THEN round(avg(\(name)), 2) END AS mean,
                count(DISTINCT \(name)) AS different, count(*) - count(\(name)) AS nulls, count(*) AS "rows" FROM source
                """
        }
        run("WITH source AS (SELECT * FROM \(from)) " + rows.joined(separator: "\nUNION ALL "))
    }

    /// The first value of a statement's result as text; nil without a row, for NULL, or after an error.
    func first(_ sql: String) -> String? {
        var value: Value = .null
        _ = try? session.run(sql) { row in
            value = row.first ?? .null
            return false
        }
        return ValueText.plain(value)
    }
}
