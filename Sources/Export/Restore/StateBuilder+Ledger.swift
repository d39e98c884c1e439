// The counts table as it is now, row by row, and which counts differ from it.

internal import Iceberg
internal import Parquet
internal import SQLite
internal import Store

extension StateBuilder {
    /// Where each row of the table lies now.
    func readLedger() async throws -> Int64 {
        guard let counts = tables.counts else { return 0 }
        let row = try connection.prepare("INSERT OR IGNORE INTO exported VALUES (?1, ?2, ?3, ?4, ?5)", persistent: true)
        var file: (path: String, id: Int64)?
        var rows: Int64 = 0
        let asked = windowSeconds
        try await forEachCount(at: counts.current) { batch, data in
            let id = try file?.path == data.path ? file?.id ?? 0 : store.fileID(ofPath: data.path)
            file = (data.path, id)
            for index in batch.rows {
                let window = batch.windowStart(index)
                guard window % asked == 0 else {
                    throw RestoreError.otherWindow(table: counts.name, window: window, asked: asked)
                }
                try row.bind(window, at: 1)
                try row.bind(id, at: 3)
                try row.bind(batch.position(index), at: 4)
                try row.bind(batch.counts[index], at: 5)
                try batch.postcodes.withBytes(index) {
                    try row.bindBorrowedText($0, at: 2)
                    try row.run()
                }
                guard connection.changes == 1 else {
                    throw RestoreError.twice(
                        table: counts.name, what: "\(batch.postcodes.string(index)) in the window at \(window)")
                }
                rows += 1
            }
        }
        return rows
    }

    /// Counts that are in the table as they are here belong to its generation; all others have changed since. A row of the
    /// table that nothing here counts yet stands at zero, so that the table cannot keep it unnoticed.
    func writeGenerations() throws {
        let fix = try connection.prepare(
            """
            INSERT INTO counts VALUES (?1, ?2, 0, ?3) ON CONFLICT DO UPDATE SET generation = excluded.generation
            """)
        var from: LedgerMerge.Key? = LedgerMerge.Key(window: Int64.min, postcode: [])
        while let start = from {
            let merge = try LedgerMerge(connection, from: start, unchanged: unchanged, changed: changed)
            from = try merge.run(atMost: 50_000)
            for (key, generation) in merge.wrong {
                try fix.bind(key.window, at: 1)
                try key.postcode.withUnsafeBytes { try fix.bindText($0, at: 2) }
                try fix.bind(generation, at: 3)
                try fix.run()
            }
        }
        try connection.execute(
            """
            INSERT INTO windows SELECT window_start, strftime('%Y-%m-%dT%H:%M:%SZ', window_start, 'unixepoch'),
              max(generation) FROM counts GROUP BY window_start
            """)
    }
}
