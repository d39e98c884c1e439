// Reads the raw rows in one pass: counts, the late log, and the offsets of each partition.

import Base
import TableScan
import Tables
import Iceberg
import Parquet
import State
import Windowing

extension StateBuilder {
    /// Maximum number of keys in memory before they are written, in order.
    private static let mostKeys = 1 << 19
    /// Maximum number of postcodes that stay in memory.
    private static let mostPostcodes = 200_000

    func readRaw() async throws {
        guard let raw = tables.raw else { return }
        say("reading \(raw.name)")
        do {
            for task in try await raw.reader.tasks(at: raw.current, of: RawBatch.self) {
                let file = try await raw.reader.open(task, as: RawBatch.self, columns: RawCounter.columns)
                while let batch = try file.next() { try take(batch, raw) }
            }
        } catch  where Damage.isDamage(error) && !(error is RestoreError) {
            throw RestoreError.damaged("table \(raw.name): \(error)")
        }
        try flushCounts()
    }

    private func take(_ batch: RawBatch, _ raw: RestoreTables.Table) throws {
        let keys = keys
        let skew = windows.maxFutureSkewMilliseconds * 1000
        let numbers = keys.postcodes.numbers(of: batch.postcodes, adding: true)
        let entries = batch.postcodes.entries
        var clock = WindowClock(windowSeconds)
        var lateRows: [Int32] = []
        var latest = Arrivals.recorded.rawValue
        var current = RestoredPartition(PartitionID(rawValue: .min), coveredEnd: 0)
        try batch.forEachPlace { row, number, offset, time, isLate in
            if number != current.number {
                current.note(latest)
                latest = Arrivals.recorded.rawValue
                current = partition(number)
            }
            guard offset >= 0, current.seen.insert(offset) else {
                throw RestoreError.twice(table: raw.name, what: "offset \(offset) of partition \(number)")
            }
            guard offset < current.tableEnd else {
                throw RestoreError.beyond(table: raw.name, partition: number, offset: offset, end: current.tableEnd)
            }
            current.least = min(current.least, offset)
            current.end = max(current.end, offset.next)
            // Watermarks are in whole milliseconds.
            let whole = time.rawValue - time.rawValue % 1000
            if whole &- skew <= current.arrival(of: offset).rawValue { latest = max(latest, whole) }
            if isLate {
                current.late &+= 1
                lateRows.append(Int32(truncatingIfNeeded: row))
                return
            }
            current.counted &+= 1
            let postcode = numbers[entries.isEmpty ? row : Int(entries[row])]
            let index = keys.index(window: clock.window(of: time), postcode: postcode)
            keys.add(first: 1, second: offset < current.coveredEnd ? 1 : 0, at: index)
            if keys.count >= Self.mostKeys { try flushCounts() }
        }
        current.note(latest)
        rawRows += Int64(batch.rows.count)
        if !lateRows.isEmpty { try writeLate(batch, lateRows, raw) }
        if keys.postcodes.count > Self.mostPostcodes { try flushCounts() }
    }

    private func partition(_ number: PartitionID) -> RestoredPartition {
        if let known = partitions[number] { return known }
        let coveredEnd = covered?.ends[number] ?? .first
        let arrivals = Arrivals(
            number, recordedEnd: recordsTimes ? coveredEnd : .first, history: tables.raw?.history ?? [], now: now)
        let partition = RestoredPartition(number, coveredEnd: coveredEnd, arrivals: arrivals)
        // Without a snapshot that records offsets, the end is not known.
        if let ends = tables.raw?.history.ends, !ends.isEmpty { partition.tableEnd = ends[number] ?? 0 }
        partitions[number] = partition
        return partition
    }

    /// Writes late rows. It reads the columns that only these need.
    private func writeLate(_ batch: RawBatch, _ rows: [Int32], _ raw: RestoreTables.Table) throws {
        let details = try batch.reading([RawBatch.userID, RawBatch.webpage])
        // The table does not have the arrival time. It is at most the snapshot's time.
        let received = raw.current?.timestampMilliseconds ?? now
        var clock = WindowClock(windowSeconds)
        try filler.addLate(rows: rows.count) { index, add in
            let row = Int(rows[index])
            let time = batch.time(row)
            try batch.postcodes.withBytes(row) { postcode in
                var event = RestoredLateEvent(
                    partition: batch.partition(row), offset: batch.offset(row), userID: details.userID(row),
                    postcode: postcode, webpage: nil, eventTime: time,
                    windowStart: clock.window(of: time),
                    latenessMilliseconds: lateness(of: time, at: recordedWatermark),
                    receivedAt: received)
                guard details.hasWebpage(row) else { return try add(event) }
                try details.webpages.withBytes(row) {
                    event.webpage = $0
                    try add(event)
                }
            }
        }
    }

    /// Writes the collected counts, in the order of their keys.
    private func flushCounts() throws {
        let keys = keys
        let order = keys.sorted()
        let (isCovered, unchanged, changed) = (covered != nil, unchanged, changed)
        try filler.addCounts(rows: order.count) { place, add in
            let entry = keys[Int(order[place])]
            let missing = isCovered ? entry.first - entry.second : 0
            try keys.postcodes.withBytes(Int(entry.postcode)) { postcode in
                try add(
                    RestoredCount(
                        window: entry.window, postcode: postcode, count: entry.first, missing: missing,
                        generation: isCovered && missing == 0 ? unchanged : changed))
            }
            coveredSums.add(
                window: entry.window, hash: keys.postcodes.hash(Int(entry.postcode)), count: entry.second)
        }
        if keys.postcodes.count > Self.mostPostcodes { self.keys = KeyTable(seed: seed) } else { keys.removeAll() }
    }
}

extension RestoredPartition {
    /// Notes the largest event time of some rows, in microseconds; the value of `Arrivals.recorded` means none.
    fileprivate func note(_ latest: Int64) {
        let time = EventTime(rawValue: latest)
        if time > Arrivals.recorded { maxEventTime = max(maxEventTime ?? Arrivals.recorded, time) }
    }
}
