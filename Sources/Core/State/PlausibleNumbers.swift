// Rejects a state file with impossible numbers, from damage or from a change by hand, when it is opened. Later
// arithmetic can then rely on the ranges of the columns and keys listed here. The check reads small tables and the two ends
// of an index, whatever the state's size.

import Base
import SQLite

/// Checks the numbers of a state.
enum PlausibleNumbers {
    /// - Throws: `StoreError.damaged` with the place of the first impossible number, or `SQLiteError`.
    package static func check(_ connection: Connection, path: String) throws {
        for question in questions {
            let names = try columns(of: question.table, connection)
            for column in question.columns where names.contains(column.name) {
                // A value of another type is also damage.
                let row = try connection.prepare(
                    """
                    SELECT CAST(\(column.name) AS TEXT) FROM \(question.table) WHERE \(column.name) IS NOT NULL AND
                    (typeof(\(column.name)) <> 'integer' OR \(column.name) NOT BETWEEN ?1 AND ?2) LIMIT 1
                    """)
                try row.restart(column.range.lowerBound, column.range.upperBound)
                guard try row.step() else { continue }
                throw StoreError.damaged(path: path, what: "\(column.name) \(row.string(0)) in table \(question.table)")
            }
        }
        try checkMeta(connection, path: path)
        guard try columns(of: "windows", connection).contains("window_start") else { return }
        for end in ["min", "max"] {
            let start = try connection.integer("SELECT \(end)(window_start) FROM windows") ?? 0
            guard Plausible.windowStart.contains(start) else {
                throw StoreError.damaged(path: path, what: "window_start \(start) in table windows")
            }
        }
    }

    private static func checkMeta(_ connection: Connection, path: String) throws {
        guard try columns(of: "meta", connection).contains("key") else { return }
        let numbers = metaRanges.map { key, range in
            (key, { (text: String) in Int64(text).map(range.contains) == true })
        }
        for (key, isPossible) in numbers + offsetKeys.map({ ($0, areOffsets) }) {
            let text = try connection.first("SELECT CAST(value AS TEXT) FROM meta WHERE key = ?1", key.text) {
                $0.string(0)
            }
            guard let text, !isPossible(text) else { continue }
            throw StoreError.damaged(
                path: path, what: "\(key.text) \(text.prefix(40).description.onOneLine) in table meta")
        }
    }

    /// Keys with an offset for each partition.
    private static let offsetKeys: [MetaKey] = [.countedEnds] + OutboxName.allCases.map(MetaKey.restoredOutbox)

    private static func areOffsets(_ text: String) -> Bool {
        guard let offsets = try? JSONText.offsets(text) else { return false }
        return offsets.allSatisfy { $0.key >= 0 && Plausible.count.contains($0.value.rawValue) }
    }

    private static let metaRanges: [(key: MetaKey, range: ClosedRange<Int64>)] =
        [
            (.windowMilliseconds, 1...Plausible.milliseconds.upperBound),
            (.watermarkDelayMilliseconds, Plausible.milliseconds), (.evictedBefore, Plausible.windowStart),
            (.evictedEvents, Plausible.count), (.backfilledEvents, Plausible.count),
        ] + ExportTable.allCases.flatMap { [(.epoch($0), Plausible.count), (.rows($0), Plausible.count)] }

    private typealias Column = (name: String, range: ClosedRange<Int64>)

    private static let questions: [(table: String, columns: [Column])] = [
        (
            "progress",
            [
                ("generation", Plausible.count), ("watermark_ms", Plausible.milliseconds),
                ("final_before_s", Plausible.windowStart), ("flushed_at_ms", Plausible.milliseconds),
            ]
        ),
        (
            "partition_progress",
            [("kafka_partition", 0...Int64(Int32.max)), ("max_event_time_ms", Plausible.milliseconds)]
                + [
                    "first_offset", "next_offset", "high_watermark_offset", "consumed", "counted", "late", "rejected",
                    "max_event_offset", "last_offset",
                ].map { ($0, Plausible.count) }
        ),
        ("export_progress", [("generation", Plausible.count)]),
        ("raw_progress", [("next_offset", Plausible.count)]),
    ]

    /// The columns of a table, of which a state of an older version has fewer.
    private static func columns(of table: String, _ connection: Connection) throws -> Set<String> {
        let rows = try connection.prepare("SELECT name FROM pragma_table_info(?1)")
        try rows.restart(table)
        var names: Set<String> = []
        while try rows.step() { names.insert(rows.string(0)) }
        return names
    }
}
