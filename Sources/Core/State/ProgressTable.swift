// The progress of counting: generation and watermark (`progress`), and each partition (`partition_progress`).

package import Base
import SQLite
import Windowing

/// The progress of earlier runs, read when a run starts.
package struct Progress: Equatable, Sendable {
    /// The generation.
    package var generation: Generation
    /// The watermark; nil before there is one.
    package var watermark: EventTime?
    /// Windows that end at or before this are final; the epoch when none is.
    package var finalBefore: WindowStart
    /// The largest end (exclusive) of any window; the epoch when there is no window.
    package var latestWindowEnd: WindowStart
    /// The partitions, ascending.
    package var partitions: [PartitionProgress]
}

/// The state as of its last flush.
package struct LastFlush: Equatable, Sendable {
    /// The generation.
    package let generation: Generation
    /// The watermark; nil before there is one.
    package let watermark: EventTime?
    /// Windows that start before this are final.
    package let finalBefore: WindowStart
    /// The wall clock at the flush, in milliseconds since the Unix epoch; nil before the first flush.
    package let at: Int64?
}

/// The recorded sums of one partition. `consumed` may differ from the total of the others in a damaged state.
package struct PartitionSums: Equatable, Sendable {
    /// The partition's number in Kafka.
    package let partition: PartitionID
    /// The first offset that this state was to read.
    package let firstOffset: KafkaOffset
    /// The offset to read next.
    package let nextOffset: KafkaOffset
    /// Records consumed.
    package let consumed: Int64
    /// Events counted in a window.
    package let counted: Int64
    /// Events that arrived too late.
    package let late: Int64
    /// Messages that are not events.
    package let rejected: Int64
}

extension StateView {
    /// The state as of its last flush; nil before there are tables.
    /// - Throws: `SQLiteError`.
    package func lastFlush() throws -> LastFlush? {
        try connection.first("SELECT generation, watermark_ms, final_before_s, flushed_at_ms FROM progress") { row in
            LastFlush(
                generation: row.generation(0), watermark: row.optionalTime(1), finalBefore: row.window(2),
                at: row.int64(3) > 0 ? row.int64(3) : nil)
        }
    }

    /// The generation in the file; 0 before there are rows.
    /// - Throws: `SQLiteError`.
    package func recordedGeneration() throws -> Generation {
        Generation(clamping: try connection.number("SELECT generation FROM progress"))
    }

    /// The progress of each partition, ascending.
    /// - Throws: `SQLiteError`.
    package func partitions() throws -> [PartitionProgress] {
        try connection.all(
            """
            SELECT kafka_partition, first_offset, next_offset, high_watermark_offset, max_event_time_ms, idle,
              counted, late, rejected, max_event_offset, last_offset, last_timestamp_ms, last_leader_epoch,
              last_fingerprint
            FROM partition_progress ORDER BY kafka_partition
            """, row: Self.partition)
    }

    private static func partition(_ row: Statement) -> PartitionProgress {
        var partition = PartitionProgress(partition: row.partition(0), nextOffset: row.offset(2))
        partition.firstOffset = row.offset(1)
        partition.highWatermarkOffset = row.optionalOffset(3)
        partition.maxEventTime = row.optionalTime(4)
        partition.isIdle = row.int64(5) != 0
        partition.counted = row.int64(6)
        partition.late = row.int64(7)
        partition.rejected = row.int64(8)
        partition.maxEventOffset = row.optionalOffset(9)
        partition.lastRecord = mark(row)
        return partition
    }

    private static func mark(_ row: Statement) -> RecordMark? {
        guard let offset = row.optionalOffset(10), let fingerprint = row.optionalInt64(13) else { return nil }
        return RecordMark(
            offset: offset, timestamp: row.optionalInt64(11),
            leaderEpoch: row.optionalInt64(12).map { Int32(clamping: $0) },
            fingerprint: UInt64(bitPattern: fingerprint))
    }

    /// The recorded sums of each partition, ascending. Also reads states of older versions.
    /// - Throws: `SQLiteError`.
    package func partitionSums() throws -> [PartitionSums] {
        try connection.all(
            """
            SELECT kafka_partition, first_offset, next_offset, consumed, counted, late, rejected
            FROM partition_progress ORDER BY kafka_partition
            """
        ) { row in
            PartitionSums(
                partition: row.partition(0), firstOffset: row.offset(1), nextOffset: row.offset(2),
                consumed: row.int64(3), counted: row.int64(4), late: row.int64(5), rejected: row.int64(6))
        }
    }

    /// The progress of each partition as far as `status` needs it, ascending. Also reads states of older versions.
    /// - Throws: `SQLiteError`.
    package func partitionReadings() throws -> [PartitionProgress] {
        try connection.all(
            """
            SELECT kafka_partition, next_offset, high_watermark_offset, max_event_time_ms, idle, counted, late, rejected
            FROM partition_progress ORDER BY kafka_partition
            """
        ) { row in
            var partition = PartitionProgress(partition: row.partition(0), nextOffset: row.offset(1))
            partition.highWatermarkOffset = row.optionalOffset(2)
            partition.maxEventTime = row.optionalTime(3)
            partition.isIdle = row.int64(4) != 0
            (partition.counted, partition.late, partition.rejected) = (row.int64(5), row.int64(6), row.int64(7))
            return partition
        }
    }
}

extension Store {
    /// The progress of earlier runs.
    /// - Throws: `SQLiteError`.
    package func progress() throws -> Progress {
        let last = try lastFlush()
        let latestStart = try connection.integer("SELECT max(window_start) FROM windows").map(
            WindowStart.init(seconds:))
        return Progress(
            generation: last?.generation ?? 0, watermark: last?.watermark,
            finalBefore: last?.finalBefore ?? .epoch,
            latestWindowEnd: latestStart?.end(lengthMilliseconds: settings.windowMilliseconds) ?? .epoch,
            partitions: try partitions())
    }

    /// Writes the progress of a partition.
    func write(_ partition: PartitionProgress) throws {
        let last = partition.lastRecord
        try statements.partition.run(
            partition.partition.rawValue, partition.firstOffset.rawValue, partition.nextOffset.rawValue,
            partition.highWatermarkOffset?.rawValue,
            partition.maxEventTime?.milliseconds, partition.isIdle ? Int64(1) : 0, partition.consumed,
            partition.counted,
            partition.late, partition.rejected, partition.maxEventOffset?.rawValue,
            last?.offset.rawValue, last?.timestamp,
            last?.leaderEpoch, last.map { Int64(bitPattern: $0.fingerprint) })
    }

    /// Writes the generation and the watermark.
    /// - Parameter now: the wall clock, in milliseconds since the Unix epoch.
    func writeProgress(generation: Generation, watermark: EventTime?, finalBefore: WindowStart, now: Int64) throws {
        try statements.progress.run(generation.rawValue, watermark?.milliseconds, finalBefore.seconds, now)
    }
}
