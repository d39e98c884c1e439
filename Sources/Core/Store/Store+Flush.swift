// One flush: one transaction with everything that happened since the last.
// Invariants: all or nothing; counts are whole values (the upsert adds the delta to what is there); a window's row in
// `windows` is written before its counts, so the view never misses one.

import Base
import Glibc
import SQLite
import Windowing

/// The statements a flush needs, compiled once.
final class FlushStatements {
    let count: Statement
    let window: Statement
    let late: Statement
    let rejected: Statement
    let partition: Statement
    let progress: Statement
    let incident: Statement
    let writer: Statement

    init(_ connection: Connection) throws {
        count = try connection.prepare(
            """
            INSERT INTO counts VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET count = count + excluded.count, generation = excluded.generation
            """, persistent: true)
        window = try connection.prepare(
            """
            INSERT INTO windows VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET generation = excluded.generation
            """, persistent: true)
        late = try connection.prepare(
            """
            INSERT INTO late (kafka_partition, kafka_offset, user_id, postcode, webpage, event_time_us, window_start,
              lateness_ms, received_at_ms, payload, source_key, source_headers, source_timestamp_ms)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
            """, persistent: true)
        rejected = try connection.prepare(
            """
            INSERT INTO rejected (kafka_partition, kafka_offset, reason, byte_position, excerpt, received_at_ms, payload,
              source_key, source_headers, source_timestamp_ms)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            """, persistent: true)
        partition = try connection.prepare(
            """
            INSERT OR REPLACE INTO partition_progress
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
            """, persistent: true)
        progress = try connection.prepare(
            """
            UPDATE progress SET generation = ?1, watermark_ms = ?2, final_before_s = ?3, flushed_at_ms = ?4
            """, persistent: true)
        incident = try connection.prepare(
            "INSERT INTO incident (at_ms, kind, detail) VALUES (?1, ?2, ?3)", persistent: true)
        writer = try connection.prepare("SELECT generation, writer FROM progress", persistent: true)
    }
}

extension Store {
    /// Writes one flush as one transaction and raises the generation by one.
    /// - Parameter now: the wall clock, milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`; nothing was written then, and the same flush can be tried again. `StoreError.otherWriter`.
    package func write(_ flush: Flush, now: Int64) throws {
        let next = generation + 1
        try transaction {
            try writeCounts(flush.counts, generation: next)
            for event in flush.late { try write(event) }
            for event in flush.rejected { try write(event) }
            for partition in flush.partitions { try write(partition) }
            for incident in flush.incidents { try write(incident, now: now) }
            for segment in flush.segments { try write(segment, now: now) }
            for (key, value) in flush.facts { try setMeta(key, to: value) }
            try writeProgress(flush, generation: next, now: now)
        }
        generation = next
    }

    private func writeCounts(_ counts: CountDeltas, generation: Int64) throws {
        var current = Int64.min
        let statement = statements.count
        try counts.forEachSorted { window, postcode, count in
            let start = window / 1000
            if start != current {
                current = start
                try writeWindow(start, generation: generation)
            }
            try statement.bind(start, at: 1)
            try statement.bindBorrowedText(postcode, at: 2)
            try statement.bind(count, at: 3)
            try statement.bind(generation, at: 4)
            // Also resets it after a failure, so that the flush can be tried again.
            try statement.run()
        }
    }

    private func writeWindow(_ start: Int64, generation: Int64) throws {
        let statement = statements.window
        try statement.bind(start, at: 1)
        try statement.bind(UTCText.seconds(start), at: 2)
        try statement.bind(generation, at: 3)
        try statement.run()
    }

    private func write(_ event: LateEvent) throws {
        let statement = statements.late
        try statement.bind(Int64(event.partition), at: 1)
        try statement.bind(event.offset, at: 2)
        try statement.bind(event.userID, at: 3)
        try statement.bind(event.postcode, at: 4)
        try statement.bind(event.webpage, at: 5)
        try statement.bind(event.eventTimeMicroseconds, at: 6)
        try statement.bind(event.windowStart / 1000, at: 7)
        try statement.bind(event.latenessMilliseconds, at: 8)
        try statement.bind(event.receivedAt, at: 9)
        try event.payload.withUnsafeBytes { try statement.bindBlob($0, at: 10) }
        try bind(event.envelope, to: statement, at: 11)
        try statement.run()
    }

    private func write(_ event: RejectedEvent) throws {
        let statement = statements.rejected
        try statement.bind(Int64(event.partition), at: 1)
        try statement.bind(event.offset, at: 2)
        try statement.bind(event.reason, at: 3)
        try statement.bind(event.bytePosition, at: 4)
        try statement.bind(event.excerpt, at: 5)
        try statement.bind(event.receivedAt, at: 6)
        if let payload = event.payload {
            try payload.withUnsafeBytes { try statement.bindBlob($0, at: 7) }
        } else {
            try statement.bindNull(at: 7)
        }
        try bind(event.envelope, to: statement, at: 8)
        try statement.run()
    }

    private func bind(_ envelope: SourceEnvelope, to statement: Statement, at first: Int) throws {
        for (index, bytes) in [envelope.key, envelope.headers].enumerated() {
            let place = first + index
            if let bytes {
                try bytes.withUnsafeBytes { try statement.bindBlob($0, at: place) }
            } else {
                try statement.bindNull(at: place)
            }
        }
        try statement.bind(envelope.timestamp, at: first + 2)
    }

    private func write(_ partition: PartitionProgress) throws {
        let statement = statements.partition
        try statement.bind(Int64(partition.partition), at: 1)
        try statement.bind(partition.firstOffset, at: 2)
        try statement.bind(partition.nextOffset, at: 3)
        try statement.bind(partition.highWatermarkOffset, at: 4)
        try statement.bind(partition.maxEventTime, at: 5)
        try statement.bind(partition.isIdle ? 1 : 0, at: 6)
        try statement.bind(partition.consumed, at: 7)
        try statement.bind(partition.counted, at: 8)
        try statement.bind(partition.late, at: 9)
        try statement.bind(partition.rejected, at: 10)
        try statement.bind(partition.maxEventOffset, at: 11)
        let last = partition.lastRecord
        try statement.bind(last?.offset, at: 12)
        try statement.bind(last?.timestamp, at: 13)
        try statement.bind(last?.leaderEpoch.map { Int64($0) }, at: 14)
        try statement.bind(last.map { Int64(bitPattern: $0.fingerprint) }, at: 15)
        try statement.run()
    }

    func write(_ incident: Incident, now: Int64) throws {
        let statement = statements.incident
        try statement.bind(now, at: 1)
        try statement.bind(incident.kind, at: 2)
        try statement.bind(incident.detail, at: 3)
        try statement.run()
    }

    private func writeProgress(_ flush: Flush, generation: Int64, now: Int64) throws {
        let statement = statements.progress
        try statement.bind(generation, at: 1)
        try statement.bind(flush.watermark, at: 2)
        try statement.bind((flush.finalBefore ?? 0) / 1000, at: 3)
        try statement.bind(now, at: 4)
        try statement.run()
    }

    /// Copies the write-ahead log into the file when it has grown by `pages` since the last time; readers are not
    /// waited for. What a reader still needs stays in the log for the next time.
    /// - Throws: `SQLiteError`.
    package func checkpointIfNeeded(pages: Int = 1000) throws {
        let now = connection.walPages
        // The log starts again from its beginning once everything was copied and no reader was in it.
        if now < pagesAtCheckpoint { pagesAtCheckpoint = 0 }
        guard now - pagesAtCheckpoint >= pages else { return }
        if now < Self.pagesBudget {
            try connection.checkpoint(.passive)
        } else {
            // Readers follow one another so closely that the log never starts again: ask them for a moment.
            try checkpointFully(waitMilliseconds: 50)
        }
        pagesAtCheckpoint = now
    }

    /// The pages of the log (4 KiB each) from which on readers are asked to wait.
    private static let pagesBudget = 8192

    /// Copies the whole write-ahead log into the file and empties it, where no reader is in the way for longer than the
    /// time given.
    /// - Throws: `SQLiteError`.
    package func checkpointFully(waitMilliseconds: Int32 = 500) throws {
        try connection.setBusyTimeout(milliseconds: waitMilliseconds)
        defer { try? connection.setBusyTimeout(milliseconds: 5000) }
        do {
            try connection.checkpoint(.truncate)
        } catch let error as SQLiteError where error.isBusy {
            // A reader is at work; the log stays and the next writer goes on with it.
        }
    }
}
