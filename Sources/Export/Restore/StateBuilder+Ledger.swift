// The counts table as it is now, row by row, and which counts differ from it.

import Iceberg
import Parquet
import SQLite
import Store

extension StateBuilder {
    /// Where each row of the table lies now.
    func readLedger() async throws -> Int64 {
        guard let counts = tables.counts else { return 0 }
        let ledger = try RowsStatement(
            connection, "INSERT OR IGNORE INTO exported", row: "(?, ?, ?, ?, ?)", columns: 5)
        var file: (path: String, id: Int64)?
        var rows: Int64 = 0
        let asked = windowSeconds
        try await forEachCount(at: counts.current) { batch, data in
            let id = try file?.path == data.path ? file?.id ?? 0 : store.fileID(ofPath: data.path)
            file = (data.path, id)
            let live = Array(batch.rows)
            try ledger.write(rows: live.count) { index, row, before in
                let window = batch.windowStart(live[index])
                guard window % asked == 0 else {
                    throw RestoreError.otherWindow(table: counts.name, window: window, asked: asked)
                }
                try row.bind(window, at: before + 1)
                try batch.postcodes.withBytes(live[index]) { try row.bindText($0, at: before + 2) }
                try row.bind(id, at: before + 3)
                try row.bind(batch.position(live[index]), at: before + 4)
                try row.bind(batch.counts[live[index]], at: before + 5)
            } written: { written in
                guard connection.changes == Int64(written.count) else {
                    throw try self.twice(batch, live[written], counts.name, id)
                }
            }
            rows += Int64(live.count)
        }
        return rows
    }

    /// Which of these rows has a key that was there before.
    private func twice(_ batch: CountsBatch, _ rows: ArraySlice<Int>, _ table: String, _ file: Int64) throws
        -> RestoreError
    {
        let known = try connection.prepare(
            """
            SELECT 1 FROM exported WHERE window_start = ?1 AND postcode = ?2 AND file_id = ?3 AND position = ?4
            """)
        for row in rows {
            known.reset()
            try known.bind(batch.windowStart(row), at: 1)
            try batch.postcodes.withBytes(row) { try known.bindText($0, at: 2) }
            try known.bind(file, at: 3)
            try known.bind(batch.position(row), at: 4)
            if try known.step() { continue }
            let what = "\(batch.postcodes.string(row)) in the window at \(batch.windowStart(row))"
            return RestoreError.twice(table: table, what: what)
        }
        return RestoreError.twice(table: table, what: "a row")
    }

    /// The counts table has events that the raw table does not have yet.
    private var isAhead: Bool {
        tables.counts?.history.first { $0.addedOffsets != nil }?.id != covered?.snapshot.id
    }

    /// Counts that are in the table as they are here belong to its generation; all others have changed since. A row of the
    /// table that nothing here counts yet stands at zero while the table is ahead, so that it cannot be kept unnoticed.
    /// - Throws: `RestoreError.disagree` for such a row of a table that is not ahead: it is another writer's.
    func writeGenerations() throws {
        let fix = try connection.prepare(
            """
            INSERT INTO counts VALUES (?1, ?2, 0, ?3) ON CONFLICT DO UPDATE SET generation = excluded.generation
            """)
        var from: LedgerMerge.Key? = LedgerMerge.Key(window: Int64.min, postcode: [])
        while let start = from {
            let merge = try LedgerMerge(connection, from: start, unchanged: unchanged, changed: changed)
            from = try merge.run(atMost: 50_000)
            if let (key, count) = merge.uncounted, !isAhead {
                throw RestoreError.disagree(
                    table: tables.counts?.name ?? "", window: key.window,
                    postcode: String(decoding: key.postcode, as: UTF8.self), count: count, raw: 0, late: 0)
            }
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
