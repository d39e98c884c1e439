// What stands beside the counts: partitions, offsets that have no event, the watermark, and what was exported.

import Foundation
import Iceberg
import SQLite
import Store
import Windowing

extension StateBuilder {
    /// Holes in the offsets longer than this are one incident instead of rejected rows.
    private static let longestHole: Int64 = 10_000

    /// Each partition up to the end of the raw table, and the holes within as what they were.
    func writePartitions() throws -> [Int32: (from: Int64, to: Int64)] {
        let rawEnds = tables.raw?.history.ends ?? [:]
        let countEnds = tables.counts?.history.ends ?? [:]
        var bounds: [Int32: (from: Int64, to: Int64)] = [:]
        for number in Set(rawEnds.keys).union(countEnds.keys).union(partitions.keys).sorted() {
            let partition = partitions[number] ?? RestoredPartition(number, coveredEnd: Int64.min)
            partitions[number] = partition
            let starts = [tables.raw, tables.counts].compactMap { table in
                table.flatMap { $0.history.isWhole ? $0.history.starts[number] : nil }
            }
            // A partition without raw rows has nothing to count below their end, wherever it began.
            let known = (starts + [partition.least]).min().flatMap { $0 < Int64.max ? $0 : nil }
            guard let from = known ?? rawEnds[number] else {
                throw RestoreError.unknownStart(table: tables.counts?.name ?? tables.raw?.name ?? "", partition: number)
            }
            let to = max(from, rawEnds[number] ?? from, partition.end)
            let rejected = try writeHoles(partition, from..<to)
            try writePartition(partition, from, to, rejected)
            bounds[number] = (from, to)
        }
        return bounds
    }

    /// Offsets without a raw event: rejected ones, whose reasons are lost with the state, or offsets that Kafka did not have.
    private func writeHoles(_ partition: RestoredPartition, _ offsets: Range<Int64>) throws -> Int64 {
        guard offsets.upperBound - offsets.lowerBound > partition.seen.count else { return 0 }
        let row = try connection.prepare(
            """
            INSERT INTO rejected (kafka_partition, kafka_offset, reason, byte_position, excerpt, received_at_ms)
            VALUES (?1, ?2, 'restored: the raw table has no event of this offset', 0, '', ?3)
            """)
        var rejected: Int64 = 0
        try partition.seen.forEachGap(in: offsets) { gap in
            let length = gap.upperBound - gap.lowerBound
            if length > Self.longestHole {
                try store.note(
                    Incident(
                        kind: "missing-offsets",
                        detail: "restored topic partition \(partition.number): offsets \(gap.lowerBound) to "
                            + "\(gap.upperBound - 1) (\(length) in all) have no event in the raw table"), now: now)
                return true
            }
            for missing in gap {
                try row.bind(Int64(partition.number), at: 1)
                try row.bind(missing, at: 2)
                try row.bind(now, at: 3)
                try row.run()
            }
            rejected += length
            return true
        }
        return rejected
    }

    private func writePartition(
        _ partition: RestoredPartition, _ from: Int64, _ to: Int64, _ rejected: Int64
    ) throws {
        // The summary's watermark tells the partition's largest time up to there.
        let delay = covered?.snapshot.summary[Mark.watermarkDelay].flatMap { Int64($0) }
        let known = covered?.snapshot.partitionWatermarks[partition.number].map {
            $0 + (delay ?? windows.watermarkDelayMilliseconds) + 1
        }
        partition.maxEventTime = [known, partition.maxEventTime].compactMap { $0 }.max()
        let row = try connection.prepare(
            """
            INSERT INTO partition_progress (kafka_partition, first_offset, next_offset, max_event_time_ms, idle, consumed,
              counted, late, rejected)
            VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8)
            """)
        try row.bind(Int64(partition.number), at: 1)
        try row.bind(from, at: 2)
        try row.bind(to, at: 3)
        try row.bind(partition.maxEventTime, at: 4)
        try row.bind(partition.counted + partition.late + rejected, at: 5)
        try row.bind(partition.counted, at: 6)
        try row.bind(partition.late, at: 7)
        try row.bind(rejected, at: 8)
        try row.run()
    }

    /// The largest watermark that is known to have been one: the summary's, or what the raw rows say.
    func watermark(_ bounds: [Int32: (from: Int64, to: Int64)]) -> Int64? {
        let times = bounds.keys.map { partitions[$0]?.maxEventTime }
        let least = times.contains { $0 == nil } ? nil : times.compactMap { $0 }.min()
        return [recordedWatermark, least.map { $0 - windows.watermarkDelayMilliseconds - 1 }].compactMap { $0 }.max()
    }

    /// How late an event was when it came is not in the table; this is how late it is now.
    func lateness(of microseconds: Int64, at watermark: Int64?) -> Int64 {
        watermark.map { max(0, $0 - microseconds / 1000) } ?? 0
    }

    /// Corrects the lateness of late events, which were written as of the recorded watermark.
    func writeLateness(_ watermark: Int64?) throws {
        guard let watermark, watermark != recordedWatermark else { return }
        try connection.execute("UPDATE late SET lateness_ms = max(0, \(watermark) - event_time_us / 1000)")
    }

    func writeProgress(_ watermark: Int64?) throws {
        let row = try connection.prepare(
            "UPDATE progress SET generation = ?1, watermark_ms = ?2, final_before_s = ?3, flushed_at_ms = ?4")
        try row.bind(changed, at: 1)
        try row.bind(watermark, at: 2)
        try row.bind(watermark.map { $0 + 1 > 0 ? windows.windowStart(of: $0 + 1) / 1000 : 0 } ?? 0, at: 3)
        try row.bind(now, at: 4)
        try row.run()
        try store.setMeta("state_id", to: tables.stateID)
        // Offsets mean something only in the log that they are of.
        if let topicID = tables.counts?.history.first(where: \.isOurs)?.summary[Mark.topicID] {
            try store.setMeta(Store.topicIDKey, to: topicID)
        }
        let backfilled = try connection.integer("SELECT count(*) FROM late WHERE backfilled_at_ms IS NOT NULL") ?? 0
        try store.setMeta("backfilled_events", to: "\(backfilled)")
    }

    func writeExports(_ bounds: [Int32: (from: Int64, to: Int64)]) throws {
        for (kind, table) in [(ExportTable.counts, tables.counts), (.raw, tables.raw)] {
            guard let table else { continue }
            try store.setMeta("epoch.\(kind.rawValue)", to: "\(table.open.epoch)")
            guard let snapshot = table.current else { continue }
            try store.setMeta("snapshot.\(kind.rawValue)", to: "\(snapshot.id)")
            // The next commit of counts says again what is read again.
            let ends = table.history.ends
            let offsets = bounds.reduce(into: [Int32: Int64]()) { offsets, bound in
                if kind == .raw { offsets[bound.key] = bound.value.to }
                if kind == .counts, let end = ends[bound.key] { offsets[bound.key] = min(end, bound.value.to) }
            }
            let row = try connection.prepare("INSERT INTO export_progress VALUES (?1, ?2, ?3)")
            try row.bind(kind.rawValue, at: 1)
            try row.bind(table.generation, at: 2)
            try row.bind(String(decoding: try JSONEncoder().encode(offsets), as: UTF8.self), at: 3)
            try row.run()
        }
        try store.noteRestored(bounds.mapValues(\.to))
        let progress = try connection.prepare("INSERT INTO raw_progress VALUES (?1, ?2)")
        for (partition, bound) in bounds {
            try progress.bind(Int64(partition), at: 1)
            try progress.bind(bound.to, at: 2)
            try progress.run()
        }
    }

    func readAgain(_ bounds: [Int32: (from: Int64, to: Int64)]) -> [Int32: Int64] {
        let ends = tables.counts?.history.ends ?? [:]
        return bounds.reduce(into: [:]) { result, bound in
            let ahead = (ends[bound.key] ?? 0) - bound.value.to
            if ahead > 0 { result[bound.key] = ahead }
        }
    }
}
