// Counts of a restored state with a wrong generation, found by `LedgerMerge` and by a naive comparison.

import Base
import SQLite
import TestSupport
import Testing

@testable import State

@Suite struct LedgerMergeTests {
    private struct Key: Hashable {
        let window: Int64
        let postcode: String
    }

    private func tables() throws -> Connection {
        let connection = try Connection(path: "", mode: .memory)
        let key = "window_start INTEGER NOT NULL, postcode TEXT NOT NULL"
        try connection.execute(
            """
            CREATE TABLE counts (\(key), count INTEGER, generation INTEGER, PRIMARY KEY (window_start, postcode))
              WITHOUT ROWID;
            CREATE TABLE exported (\(key), file_id INTEGER, position INTEGER, count INTEGER,
              PRIMARY KEY (window_start, postcode)) WITHOUT ROWID
            """)
        return connection
    }

    @Test func countsThatDifferAreFoundHoweverManyAreTakenAtATime() throws {
        let seed = testSeed(for: "ledger merge")
        var random = SeededRandom(seed: seed)
        for round in 0..<30 {
            let connection = try tables()
            var counts: [Key: (count: Int64, generation: Generation)] = [:]
            var ledger: [Key: Int64] = [:]
            for _ in 0..<random.below(200) {
                let postcode = ["E1", "E1 1", "É", "e1"][random.below(4)] + "\(random.below(10))"
                let key = Key(window: Int64(random.below(5)) * 60, postcode: postcode)
                let generation = [Generation(clamping: 7), 7, 8, 2][random.below(4)]
                if !random.oneIn(4) { counts[key] = (Int64(random.below(3)), generation) }
                if !random.oneIn(4) { ledger[key] = Int64(random.below(3)) }
            }
            for (key, value) in counts {
                try connection.execute(
                    "INSERT INTO counts VALUES (\(key.window), '\(key.postcode)', \(value.count), \(value.generation))")
            }
            for (key, count) in ledger {
                try connection.execute(
                    "INSERT INTO exported VALUES (\(key.window), '\(key.postcode)', 1, 0, \(count))")
            }
            var expected: [Key: Generation] = [:]
            for key in Set(counts.keys).union(ledger.keys) {
                // A row without a count gets a count of zero.
                let wanted: Generation = counts[key]?.count ?? 0 == ledger[key] ? 7 : 8
                if counts[key]?.generation != wanted { expected[key] = wanted }
            }
            var found: [Key: Generation] = [:]
            var from: LedgerMerge.Key? = .first
            while let start = from {
                let merge = try LedgerMerge(connection, from: start, unchanged: 7, changed: 8)
                from = try merge.run(atMost: 1 + round % 7)
                #expect(merge.wrong.count <= 1 + round % 7)
                for (key, generation) in merge.wrong {
                    let place = Key(window: key.window.seconds, postcode: String(decoding: key.postcode, as: UTF8.self))
                    #expect(found.updateValue(generation, forKey: place) == nil, "seed \(seed)")
                }
            }
            #expect(found == expected, "seed \(seed)")
        }
    }
}
