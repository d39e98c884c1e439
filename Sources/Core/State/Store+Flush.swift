// Writes a flush: one transaction with everything since the last flush. The upsert adds a delta to the stored count.
// Also decides when to checkpoint the write-ahead log.

import Base
import SQLite

/// The statements of a flush, compiled once.
final class FlushStatements {
    package let count: Statement
    package let window: Statement
    package let late: Statement
    package let rejected: Statement
    package let partition: Statement
    package let progress: Statement
    package let incident: Statement
    package let writer: Statement

    package init(_ connection: Connection) throws {
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
            """
            INSERT INTO incident (at_ms, kind, detail, kafka_partition, first_offset, end_offset)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """, persistent: true)
        writer = try connection.prepare("SELECT generation, writer FROM progress", persistent: true)
    }
}

extension Store {
    /// Writes one flush in one transaction and raises the generation by one.
    /// - Parameter now: the wall clock, in milliseconds since the Unix epoch.
    /// - Throws: `SQLiteError`, after which the same flush can be retried; `StoreError.otherWriter`,
    ///   `StoreError.filesLost`. Nothing was written then.
    package func write(_ flush: Flush, now: Int64) throws {
        let next = generation.next
        assert(Set(flush.partitions.map(\.partition)).count == flush.partitions.count, "a flush has a partition once")
        assert(
            flush.partitions.allSatisfy { $0.consumed <= $0.firstOffset.distance(to: $0.nextOffset) },
            "no record is counted twice")
        try transaction {
            try writeCounts(flush.counts, generation: next)
            for event in flush.late { try write(event) }
            for event in flush.rejected { try write(event) }
            for partition in flush.partitions { try write(partition) }
            for incident in flush.incidents { try write(incident, now: now) }
            for segment in flush.segments { try write(segment, now: now) }
            for (key, value) in flush.facts { try setMeta(key, to: value) }
            try writeProgress(
                generation: next, watermark: flush.watermark, finalBefore: flush.finalBefore ?? .epoch, now: now)
        }
        generation = next
    }

    /// Checkpoints the write-ahead log when it has grown by `pages` since the last checkpoint. While the log is within
    /// its budget, does not wait for readers: pages that a reader needs stay in the log for the next checkpoint. Above it,
    /// waits as long as `CheckpointWait` says.
    /// - Parameter clock: the monotonic clock, in milliseconds.
    /// - Throws: `SQLiteError`.
    package func checkpointIfNeeded(pages: Int = 1000, clock: () -> Int64) throws {
        let size = connection.walPages
        // SQLite resets the log once a checkpoint has copied all of it and no reader uses it.
        if size < pagesAtCheckpoint { pagesAtCheckpoint = 0 }
        guard size - pagesAtCheckpoint >= pages else { return }
        pagesAtCheckpoint = size
        guard let wait = checkpointWait.wait(pages: size, now: clock()) else {
            try connection.checkpoint(.passive)
            return
        }
        let wasReset = try checkpointFully(waitMilliseconds: Int32(clamping: wait))
        checkpointWait.waited(wait, now: clock(), wasReset: wasReset)
    }

    /// Copies the whole write-ahead log into the file and truncates it, unless readers use it for longer than
    /// `waitMilliseconds`.
    /// - Returns: whether it was truncated.
    /// - Throws: `SQLiteError`.
    @discardableResult
    package func checkpointFully(waitMilliseconds: Int32 = 500) throws -> Bool {
        try connection.setBusyTimeout(milliseconds: waitMilliseconds)
        defer { try? connection.setBusyTimeout(milliseconds: 5000) }
        do {
            try connection.checkpoint(.truncate)
            return true
        } catch let error as SQLiteError where error.isBusy {
            // A reader uses the log, so it stays; later flushes append to it.
            return false
        }
    }
}
