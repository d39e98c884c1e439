// Runs seeds, replays them, and shrinks a failure to the faults that it needs.

import Foundation
import SQLite

/// Simulations by seed.
package enum Simulation {
    /// Runs one seed.
    package static func run(_ options: SimulationOptions) throws -> SimulationResult {
        try World(options).run()
    }

    /// The smallest set of fault kinds and the fewest steps, as far as halving finds them, with which a seed still fails.
    package static func shrink(_ result: SimulationResult, _ options: SimulationOptions) throws -> SimulationResult {
        var (best, options) = (result, options)
        var kinds = Set(result.faults.keys)
        options.only = kinds
        func fails(_ options: SimulationOptions) throws -> SimulationResult? {
            let found = try run(options)
            return found.failure == nil ? nil : found
        }
        guard let first = try fails(options) else { return best }
        best = first
        for kind in kinds.sorted(by: { $0.rawValue < $1.rawValue }) {
            options.only = kinds.subtracting([kind])
            guard let found = try fails(options) else { continue }
            (best, kinds) = (found, kinds.subtracting([kind]))
        }
        options.only = kinds
        var steps = options.steps
        while steps > 20 {
            options.steps = steps / 2
            guard let found = try fails(options) else { break }
            (best, steps) = (found, steps / 2)
        }
        return best
    }
}

extension World {
    /// A hash of the whole state but the writer's token, which no two processes share.
    static func dump(_ path: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ text: String) {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        guard let connection = try? Connection(path: path, mode: .readOnly) else { return 0 }
        let tables = (try? texts(connection, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")) ?? []
        for table in tables where !table.hasPrefix("sqlite_") {
            add(table)
            let columns =
                (try? texts(connection, "SELECT name FROM pragma_table_info('\(table)') WHERE name <> 'writer'")) ?? []
            let row = columns.map { "quote(\($0))" }.joined(separator: " || ',' || ")
            for text in (try? texts(connection, "SELECT \(row) FROM \(table) ORDER BY 1")) ?? [] { add(text) }
        }
        return hash
    }

    private static func texts(_ connection: Connection, _ sql: String) throws -> [String] {
        let statement = try connection.prepare(sql)
        var found: [String] = []
        while try statement.step() { found.append(statement.string(0)) }
        return found
    }
}
