// Accumulates everything consumed since the last flush, with the offsets that the flush stores.
//
// It takes records and the time and produces a `Flush`. Its only side effects are on the raw sink. Counts and raw
// events have their own offsets; the half that does not have a record yet takes it.
// Invariants: a record below its partition's next offset is ignored, so nothing is counted twice. Every other record
// becomes exactly one of counted, late and rejected, in the step that moves the offset.

import Base
import Kafka
import State
import Windowing

/// Turns records into the next flush.
struct Accumulator {
    private(set) var engine: WindowEngine
    private(set) var flush: Flush
    private(set) var hasNews = false
    /// The next offsets that the state has; the group's offsets never go beyond them.
    private(set) var durablePositions: [Position] = []
    private let parser = EventParser()
    private let raw: RawHalf?
    /// Keeps whole rejected messages, for publishing.
    private let keepsRejected: Bool
    /// Indexes into `flush.partitions` and the engine's partitions, by partition number; -1 for none.
    private var indexes: [Int] = []
    /// Approximate size of the late and rejected rows, in bytes.
    private var rowBytes = 0
    private var finalBeforeWritten: WindowStart?
    private var check = LogCheck()
    /// The index of each partition's last record in the batch, by partition index; -1 for none.
    private var lastInBatch: [Int] = []
    private var users: UserWatch
    /// None of the first events has a user, and `takeLackOfUsers` has not reported it yet.
    private var lacksUsers = false

    /// - Parameter finalBefore: the state's bound of final windows, as in `Flush.finalBefore`.
    init(
        engine: WindowEngine, finalBefore: WindowStart?, hashSeed: UInt64, raw: RawHalf? = nil,
        keepsRejected: Bool = false,
        users: UserWatch = UserWatch(recorded: nil, hasEvents: false)
    ) {
        self.users = users
        self.engine = engine
        self.raw = raw
        self.keepsRejected = keepsRejected
        finalBeforeWritten = finalBefore
        flush = Flush(counts: CountDeltas(seed: hashSeed))
    }

    /// Adds a partition with its progress so far. Its last consumed record is checked before any other record is taken.
    /// - Parameter rawNext: the offset from which its raw events are wanted; nil for the next offset of the counts.
    mutating func add(_ progress: PartitionProgress, isNew: Bool, rawNext: KafkaOffset? = nil, now: Int64) {
        assert(index(of: progress.partition) == nil, "a partition is added once")
        if isNew { hasNews = true }
        check.add(progress.lastRecord)
        lastInBatch.append(-1)
        raw?.add(partition: progress.partition, next: rawNext ?? progress.nextOffset)
        let number = Int(progress.partition.rawValue)
        while indexes.count <= number { indexes.append(-1) }
        indexes[number] = engine.addPartition(
            progress.partition, maxEventTime: progress.maxEventTime, maxEventOffset: progress.maxEventOffset ?? -1,
            now: now)
        flush.partitions.append(progress)
        if !isNew { durablePositions.append(Position(partition: progress.partition, offset: progress.nextOffset)) }
    }

    private func index(of partition: PartitionID) -> Int? {
        let number = Int(partition.rawValue)
        guard number >= 0, number < indexes.count, indexes[number] >= 0 else { return nil }
        return indexes[number]
    }

    /// The progress of a partition; nil when it was not added.
    func progress(of partition: PartitionID) -> PartitionProgress? {
        index(of: partition).map { flush.partitions[$0] }
    }

    /// Takes in a batch.
    mutating func take(_ records: UnsafeBufferPointer<Record>, now: Int64) {
        engine.beginBatch(now: now)
        let (withoutUser, watched) = (users.withoutUser, users.isOn)
        var current: PartitionID = -1
        var index = 0
        var (isChecked, isNews) = (true, false)
        for (position, record) in records.enumerated() {
            if record.partition != current {
                guard let found = self.index(of: record.partition) else { continue }
                if current >= 0 { lastInBatch[index] = position - 1 }
                current = record.partition
                index = found
                isChecked = check.isOver(index: index)
                if isChecked { engine.sawRecords(inPartitionAt: index, now: now) }
            }
            if !isChecked {
                guard check.admits(record, index: index) else { continue }
                // A record that is only compared does not count as activity. The next one starts a new interval.
                if record.offset < flush.partitions[index].nextOffset {
                    current = -1
                } else {
                    engine.sawRecords(inPartitionAt: index, now: now)
                    isChecked = check.isOver(index: index)
                }
            }
            if record.offset >= flush.partitions[index].nextOffset {
                take(record, index: index, now: now)
                flush.partitions[index].nextOffset = record.offset.next
                isNews = true
            } else if let raw, raw.wants(record.offset, index: index) {
                replay(record, index: index, into: raw, now: now)
                isNews = true
            }
        }
        if current >= 0 { lastInBatch[index] = records.count - 1 }
        if isNews { hasNews = true }
        markLast(records)
        if users.withoutUser != withoutUser || users.isOn != watched { flush.facts[.eventsWithoutUser] = users.fact }
    }

    /// Stores the mark of each partition's last record. It reads one record per batch and partition in full.
    private mutating func markLast(_ records: UnsafeBufferPointer<Record>) {
        for index in lastInBatch.indices where lastInBatch[index] >= 0 {
            let record = records[lastInBatch[index]]
            lastInBatch[index] = -1
            let progress = flush.partitions[index]
            guard !check.isBlocked(index: index), record.partition == progress.partition,
                record.offset.next == progress.nextOffset
            else { continue }
            flush.partitions[index].lastRecord = record.mark
        }
    }

    @inline(__always)
    private mutating func take(_ record: Record, index: Int, now: Int64) {
        assert(record.offset >= flush.partitions[index].nextOffset, "a record is counted once")
        do throws(Fault) {
            if record.isTombstone { throw Fault(reason: .tombstone, position: 0) }
            let event = try parser.parse(record.payload)
            if users.isOn, users.saw(user: event.userID) { lacksUsers = true }
            switch engine.place(eventTime: event.time, inPartitionAt: index, offset: record.offset) {
            case .counted(let windowStart):
                flush.counts.add(window: windowStart, postcode: event.postcode)
                flush.partitions[index].counted += 1
                raw?.take(event, record, index: index, isLate: false, now: now)
            case .late(let windowStart, let lateness):
                keepLate(event, record, windowStart: windowStart, latenessMilliseconds: lateness, now: now)
                flush.partitions[index].late += 1
                raw?.take(event, record, index: index, isLate: true, now: now)
            }
        } catch {
            keepRejected(error, record, now: now)
            flush.partitions[index].rejected += 1
            raw?.pass(record.offset, index: index)
        }
    }

    /// Takes the raw event of a record that is counted already. The event was lost with its segment.
    private mutating func replay(_ record: Record, index: Int, into raw: RawHalf, now: Int64) {
        if raw.isUnread(record.offset, index: index) { return raw.pass(record.offset, index: index) }
        do throws(Fault) {
            if record.isTombstone { throw Fault(reason: .tombstone, position: 0) }
            let event = try parser.parse(record.payload)
            let isLate = raw.wasLate(record.partition, record.offset)
            raw.take(event, record, index: index, isLate: isLate, now: now)
        } catch {
            raw.pass(record.offset, index: index)
        }
    }

    private mutating func keepLate(
        _ event: Event, _ record: Record, windowStart: WindowStart, latenessMilliseconds: Int64, now: Int64
    ) {
        flush.late.append(
            LateEvent(
                partition: record.partition, offset: record.offset, userID: event.userID,
                postcode: String(decoding: event.postcode, as: UTF8.self),
                webpage: event.webpage.map { String(decoding: $0, as: UTF8.self) },
                eventTime: event.time, windowStart: windowStart,
                latenessMilliseconds: latenessMilliseconds, receivedAt: now, payload: Array(record.payload),
                envelope: SourceEnvelope(record.copyEnvelope())))
        rowBytes += record.payload.count + 256
    }

    private mutating func keepRejected(_ fault: Fault, _ record: Record, now: Int64) {
        let isPublished = keepsRejected && !record.isTombstone
        flush.rejected.append(
            RejectedEvent(
                partition: record.partition, offset: record.offset, reason: fault.reason.rawValue,
                bytePosition: Int64(fault.position), excerpt: Excerpt.of(record.payload, around: fault.position),
                receivedAt: now, payload: isPublished ? Array(record.payload) : nil,
                envelope: isPublished ? SourceEnvelope(record.copyEnvelope()) : SourceEnvelope()))
        rowBytes += 512 + (keepsRejected ? record.payload.count : 0)
    }

    /// Notes a partition's end. An end below the next offset is outdated and ignored.
    mutating func reachedEnd(of partition: PartitionID, offset: KafkaOffset, now: Int64) {
        guard let index = index(of: partition), flush.partitions[index].nextOffset <= offset,
            !check.isBlocked(index: index)
        else { return }
        // The offsets in between have no records: they are transaction markers, or compaction removed them.
        if flush.partitions[index].nextOffset < offset {
            flush.partitions[index].nextOffset = offset
            hasNews = true
        }
        raw?.pass(offset.previous, index: index)
        engine.reachedEnd(ofPartitionAt: index, now: now)
    }

    /// Skips offsets that Kafka no longer has: the partition continues at `next`.
    mutating func skip(partition: PartitionID, to next: KafkaOffset, incident: Incident) {
        guard let index = index(of: partition) else { return }
        flush.partitions[index].nextOffset = max(next, flush.partitions[index].nextOffset)
        check.expect(nil, index: index)
        raw?.pass(next.previous, index: index)
        flush.incidents.append(incident)
        hasNews = true
    }

    /// Accepts a partition's log although it is not the one that was read. The partition continues after the offsets of
    /// the new log that are below the earlier one's end.
    mutating func forgetLog(of partition: PartitionID, unread: UnreadRange?) {
        guard let index = index(of: partition) else { return }
        check.forget(index: index)
        flush.partitions[index].lastRecord = nil
        if let unread {
            let counted = flush.partitions[index].nextOffset
            flush.partitions[index].nextOffset = max(unread.to, counted)
            raw?.exclude(unread.from..<unread.to, counted: counted, index: index)
            flush.incidents.append(unread.incident)
        }
        hasNews = true
    }

    /// Ignores a partition's records until `forgetLog`.
    mutating func block(_ partition: PartitionID) {
        if let index = index(of: partition) { check.block(index: index) }
    }

    /// Checks a partition's last record again before any other record is taken.
    mutating func checkAgain(_ partition: PartitionID) {
        guard let index = index(of: partition) else { return }
        check.expect(flush.partitions[index].lastRecord, index: index)
    }

    /// Continues a partition without checking its last record, which Kafka no longer has.
    mutating func passCheck(of partition: PartitionID) {
        if let index = index(of: partition) { check.expect(nil, index: index) }
    }

    /// Partitions with another record at the checked offset than the one that was read there. They are blocked.
    mutating func takeForeign() -> [(partition: PartitionID, offset: KafkaOffset)] { check.takeForeign() }

    /// Whether none of the topic's first events has a user; true at most once.
    mutating func takeLackOfUsers() -> Bool {
        defer { lacksUsers = false }
        return lacksUsers
    }

    /// Writes an entry of the state's metadata with the next flush.
    mutating func note(fact key: MetaKey, _ value: String) {
        flush.facts[key] = value
        hasNews = true
    }

    /// Notes the partition's end as the broker reported it, for the lag.
    mutating func note(highWatermark: KafkaOffset?, of partition: PartitionID) {
        guard let highWatermark, let index = index(of: partition) else { return }
        flush.partitions[index].highWatermarkOffset = highWatermark
    }

    /// Both halves have reached every partition's end. The raw half may still be re-reading a lost segment.
    var isAtEnd: Bool {
        guard engine.partitions.allSatisfy(\.isAtEnd) else { return false }
        guard let raw else { return true }
        return flush.partitions.indices.allSatisfy { raw.next(index: $0) >= flush.partitions[$0].nextOffset }
    }

    /// Holds 65,536 counts, or late and rejected rows of about 4 MiB: flush without waiting for the interval.
    var isFull: Bool { flush.counts.count >= 65_536 || rowBytes >= 4 << 20 }

    /// Advances the time: partitions may become idle and windows final.
    mutating func tick(now: Int64) {
        attachSegments()
        if engine.checkIdleness(now: now) { hasNews = true }
        if engine.finalBefore(now: now) != finalBeforeWritten { hasNews = true }
    }

    /// Moves closed segments into the next flush.
    private mutating func attachSegments() {
        guard let closed = raw?.takeClosed(), !closed.isEmpty else { return }
        flush.segments += closed
        hasNews = true
    }

    /// Writes an incident with the next flush.
    mutating func note(_ incident: Incident) {
        flush.incidents.append(incident)
        hasNews = true
    }

    /// The next offset to read of each partition: the lower one of the two halves.
    var positions: [Position] {
        flush.partitions.indices.map { index in
            let progress = flush.partitions[index]
            let next = min(progress.nextOffset, raw?.next(index: index) ?? progress.nextOffset)
            return Position(partition: progress.partition, offset: next)
        }
    }

    /// Where to start reading each partition: at its last record if that is to be checked. The leader epoch lets the
    /// broker detect a truncated log; it applies up to the offset after the record.
    var readPositions: [Position] {
        zip(flush.partitions.indices, positions).map { index, position in
            let offset = min(position.offset, check.expected(index: index)?.offset ?? position.offset)
            let last = flush.partitions[index].lastRecord
            let epoch = last.flatMap { offset <= $0.offset.next ? $0.leaderEpoch : nil }
            return Position(partition: position.partition, offset: offset, leaderEpoch: epoch)
        }
    }

    /// The flush with the current watermark, idleness and final windows.
    mutating func currentFlush(now: Int64) -> Flush {
        for (index, partition) in engine.partitions.enumerated() {
            flush.partitions[index].maxEventTime = partition.maxEventTime
            flush.partitions[index].maxEventOffset = partition.maxEventOffset < 0 ? nil : partition.maxEventOffset
            flush.partitions[index].isIdle = partition.isIdle
        }
        flush.watermark = engine.watermark
        flush.finalBefore = engine.finalBefore(now: now)
        return flush
    }

    /// Clears what was written.
    mutating func written() {
        durablePositions = flush.partitions.map { Position(partition: $0.partition, offset: $0.nextOffset) }
        finalBeforeWritten = flush.finalBefore
        flush.counts.removeAll()
        flush.late.removeAll(keepingCapacity: flush.late.count < 10_000)
        flush.rejected.removeAll(keepingCapacity: flush.rejected.count < 10_000)
        flush.incidents.removeAll()
        flush.facts.removeAll()
        flush.segments.removeAll()
        rowBytes = 0
        hasNews = false
    }
}
