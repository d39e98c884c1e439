// Writes the parts of the state beside the counts: partitions, offsets without an event, the watermark, and the
// progress of the exports.

import Base
import Tables
import Foundation
import Iceberg
import State
import Windowing

extension StateBuilder {
    /// Maximum length of a gap in the offsets that becomes rejected rows. A longer gap becomes one incident.
    private static let longestHole: Int64 = 10_000

    /// Writes each partition up to the end of the raw table, and its gaps.
    /// - Returns: the offsets of each partition, [from, to).
    /// - Throws: `RestoreError.unknownStart`, `SQLiteError`.
    func writePartitions() throws -> [PartitionID: (from: KafkaOffset, to: KafkaOffset)] {
        let rawEnds = tables.raw?.history.ends ?? [:]
        let countEnds = tables.counts?.history.ends ?? [:]
        var bounds: [PartitionID: (from: KafkaOffset, to: KafkaOffset)] = [:]
        for number in Set(rawEnds.keys).union(countEnds.keys).union(partitions.keys).sorted() {
            let partition = partitions[number] ?? RestoredPartition(number, coveredEnd: .first)
            partitions[number] = partition
            let starts = [tables.raw, tables.counts].compactMap { table in
                table.flatMap {
                    $0.history.recordedStarts[number] ?? ($0.history.isWhole ? $0.history.starts[number] : nil)
                }
            }
            // A partition without raw rows has nothing to count below the table's end, so its start does not matter.
            let known = (starts + [partition.least]).min().flatMap { $0 < KafkaOffset.last ? $0 : nil }
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

    /// Writes the offsets without a raw event. They were rejected, with reasons lost with the state, or Kafka did not
    /// have them.
    /// - Returns: the number of rejected rows.
    private func writeHoles(_ partition: RestoredPartition, _ offsets: Range<KafkaOffset>) throws -> Int64 {
        guard offsets.lowerBound.distance(to: offsets.upperBound) > partition.seen.count else { return 0 }
        var rejected: Int64 = 0
        try partition.seen.forEachGap(in: offsets) { gap in
            let length = gap.lowerBound.distance(to: gap.upperBound)
            if length > Self.longestHole {
                let lost = LostOffsets(partition: partition.number, offsets: gap)
                try store.note(
                    .missingOffsets(of: "restored topic", lost, "have no event in the raw table"), now: now)
                return true
            }
            for missing in gap.lowerBound.rawValue..<gap.upperBound.rawValue {
                try filler.addRejected(
                    partition: partition.number, offset: KafkaOffset(rawValue: missing), now: now)
            }
            rejected += length
            return true
        }
        return rejected
    }

    private func writePartition(
        _ partition: RestoredPartition, _ from: KafkaOffset, _ to: KafkaOffset, _ rejected: Int64
    ) throws {
        // The partition's watermark in the summary gives its largest event time up to that snapshot.
        let delay = covered?.snapshot.watermarkDelay
        let known = covered?.snapshot.partitionWatermarks[partition.number].map {
            $0 + (delay ?? windows.watermarkDelayMilliseconds) + 1
        }
        partition.maxEventTime = [known, partition.maxEventTime].compactMap { $0 }.max()
        var progress = PartitionProgress(partition: partition.number, nextOffset: to)
        progress.firstOffset = from
        progress.maxEventTime = partition.maxEventTime
        (progress.counted, progress.late, progress.rejected) = (partition.counted, partition.late, rejected)
        try filler.setPartition(progress)
    }

    /// The largest watermark that the lost state certainly reached: from the summary, or from the raw rows.
    package func watermark(_ bounds: [PartitionID: (from: KafkaOffset, to: KafkaOffset)]) -> EventTime? {
        let times = bounds.keys.map { partitions[$0]?.maxEventTime }
        let least = times.contains { $0 == nil } ? nil : times.compactMap { $0 }.min()
        return [recordedWatermark, least.map { $0 - windows.watermarkDelayMilliseconds - 1 }].compactMap { $0 }.max()
    }

    /// The lateness of an event at the given watermark, in milliseconds. The table does not have the lateness on
    /// arrival.
    package func lateness(of time: EventTime, at watermark: EventTime?) -> Int64 {
        watermark.map { max(0, $0.milliseconds.subtractingOrBound(time.rawValue / 1000)) } ?? 0
    }

    /// Corrects the lateness of late events, which were written with the recorded watermark.
    func writeLateness(_ watermark: EventTime?) throws {
        guard let watermark, watermark != recordedWatermark else { return }
        try filler.setLateness(at: watermark)
    }

    package func writeProgress(_ watermark: EventTime?) throws {
        let bound = watermark.map { $0 + 1 } ?? WindowStart.epoch.time
        let finalBefore = bound > WindowStart.epoch.time ? windows.windowStart(of: bound) : .epoch
        try filler.setProgress(generation: changed, watermark: watermark, finalBefore: finalBefore, now: now)
        try store.setMeta(.stateID, to: tables.stateID)
        // Offsets are valid only in the log of this topic id.
        if let topicID = tables.counts?.history.first(where: \.isOurs)?.summary[Mark.topicID] {
            try store.setMeta(.topicID, to: topicID)
        }
        try store.setMeta(.backfilledEvents, to: "\(try store.numberOfBackfilled())")
    }

    func writeExports(_ bounds: [PartitionID: (from: KafkaOffset, to: KafkaOffset)]) throws {
        for (kind, table) in [(ExportTable.counts, tables.counts), (.raw, tables.raw)] {
            guard let table else { continue }
            // The next commit of counts includes the offsets that are consumed again.
            let ends = table.history.ends
            let offsets = bounds.reduce(into: [PartitionID: KafkaOffset]()) { offsets, bound in
                if kind == .raw { offsets[bound.key] = bound.value.to }
                if kind == .counts, let end = ends[bound.key] { offsets[bound.key] = min(end, bound.value.to) }
            }
            var position = LedgerPosition()
            position.epoch = table.open.epoch
            position.commitID = table.history.first(where: \.isOurs)?.summary[Mark.commitID]
            position.snapshotID = table.current?.id
            // As in `settle`: the totals of the counts table do not cover all its deletes.
            position.rows = kind == .raw ? table.current?.totalRecords : nil
            position.progress = ExportProgress(generation: table.generation, offsets: offsets)
            try filler.setExport(of: kind, to: position)
        }
        try store.noteRestored(bounds.mapValues(\.to))
        try filler.setRawOffsets(bounds.mapValues(\.to))
        let countedEnds = tables.counts?.history.ends ?? [:]
        let ahead = countedEnds.filter { $0.value > bounds[$0.key]?.to ?? .last }
        if !ahead.isEmpty { try store.noteCountedEnds(ahead) }
    }

    package func readAgain(_ bounds: [PartitionID: (from: KafkaOffset, to: KafkaOffset)]) -> [PartitionID: Int64] {
        let ends = tables.counts?.history.ends ?? [:]
        return bounds.reduce(into: [:]) { result, bound in
            let ahead = bound.value.to.distance(to: ends[bound.key] ?? 0)
            if ahead > 0 { result[bound.key] = ahead }
        }
    }
}
