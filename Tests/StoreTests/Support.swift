// What the store's tests share.

import TestSupport
import Testing
import Windowing

@testable import SQLite
@testable import Store

/// A multiple of the window of a minute, 2021-01-26T12:04:00Z.
let base: Int64 = 1_611_662_640_000

func settings(window: Int64 = 60_000) throws -> WindowSettings {
    try WindowSettings(windowMilliseconds: window)
}

func openStore(_ path: String, holder: String = "a test", window: Int64 = 60_000) throws -> Store {
    try Store(path: path, settings: try settings(window: window), holder: holder)
}

/// A flush of counts alone.
func flush(_ counts: [(window: Int64, postcode: String, count: Int64)]) -> Flush {
    let deltas = CountDeltas(seed: 1)
    for entry in counts {
        Array(entry.postcode.utf8).withUnsafeBytes {
            deltas.add(window: entry.window, postcode: $0, count: entry.count)
        }
    }
    return Flush(counts: deltas)
}

func lateEvent(_ partition: Int32, _ offset: Int64) -> LateEvent {
    LateEvent(
        partition: partition, offset: offset, userID: 7, postcode: "E1", webpage: "w",
        eventTimeMicroseconds: base * 1000 + 1_500_001, windowStart: base, latenessMilliseconds: 86_500_000,
        receivedAt: base + 90_000_123, payload: Array("{}".utf8))
}

func rejectedEvent(_ partition: Int32, _ offset: Int64) -> RejectedEvent {
    RejectedEvent(
        partition: partition, offset: offset, reason: "not a JSON object", bytePosition: 3, excerpt: "[\\x00]",
        receivedAt: base + 90_000_000)
}

extension Connection {
    /// All rows of a query.
    func rows(_ sql: String) throws -> [[Value]] {
        let statement = try prepare(sql)
        var rows: [[Value]] = []
        while try statement.step() { rows.append((0..<statement.columnCount).map { statement.value($0) }) }
        return rows
    }

    /// The names of a query's columns.
    func columns(_ sql: String) throws -> [String] {
        let statement = try prepare(sql)
        return (0..<statement.columnCount).map { statement.columnName($0) }
    }

    /// Everything in the tables that a flush writes.
    func everything() throws -> [[[Value]]] {
        try ["counts", "windows", "late", "rejected", "incident", "partition_progress", "progress", "meta"].map {
            try rows("SELECT * FROM \($0) ORDER BY 1, 2")
        }
    }
}
