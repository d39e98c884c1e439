// The tables, columns and functions of the session's database, for suggestions, completion and listings.

import SQLite

/// A table or view with its columns.
struct Relation: Equatable {
    var name: String
    var isView: Bool
    var columns: [String]
}

/// The tables and views that a session shows, and the functions it has.
struct Schema: Equatable {
    var relations: [Relation] = []
    var functions: [String] = []

    var vocabulary: Vocabulary {
        let columns = Set(relations.flatMap(\.columns)).sorted()
        return Vocabulary(tables: relations.map(\.name) + ["sqlite_schema"], columns: columns, functions: functions)
    }
}

extension QuerySession {
    private static let relationsSQL = """
        SELECT s.name, s.type = 'view', c.name
        FROM (SELECT 'main' AS home, name, type FROM sqlite_schema
          UNION ALL SELECT 'temp', name, type FROM sqlite_temp_schema
          WHERE name NOT IN (SELECT name FROM sqlite_schema)) AS s JOIN pragma_table_xinfo(s.name, s.home) AS c
        WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
        ORDER BY s.type DESC, s.name, c.cid
        """
    private static let functionsSQL = """
        SELECT DISTINCT name FROM pragma_function_list
        WHERE name NOT LIKE '%>%' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1
        """

    /// Reads the schema; empty when it cannot be read.
    func schema() -> Schema {
        var schema = Schema()
        _ = try? run(Self.relationsSQL) { row in
            guard case .text(let name) = row[0], case .text(let column) = row[2] else { return true }
            if schema.relations.last?.name != name {
                schema.relations.append(Relation(name: name, isView: row[1] == .integer(1), columns: []))
            }
            schema.relations[schema.relations.count - 1].columns.append(column)
            return true
        }
        _ = try? run(Self.functionsSQL) { row in
            if case .text(let name) = row[0], !ReadOnlyPolicy.refusedFunctions.contains(name) {
                schema.functions.append(name)
            }
            return true
        }
        return schema
    }
}
