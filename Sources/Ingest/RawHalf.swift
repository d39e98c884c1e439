// The offsets of raw events, which are separate from those of the counts.
//
// Invariants: in each partition the open segment covers the offsets from `start` (inclusive) to `next` (exclusive).
// When the segment is lost, `next` goes back to `start` and the records in between are re-read. After a failure `wants`
// accepts nothing until `takeFailure`. `next` is never an offset at which the present log has another record than the one
// that was counted: such raw events cannot be re-read, and `takeLosses` says which were lost.

import Base
import Kafka
import State

/// Feeds a raw sink and tracks its offsets.
final class RawHalf {
    private let sink: any RawSink
    /// Whether the late log has the event at this offset.
    let wasLate: (PartitionID, KafkaOffset) -> Bool
    private var partitions: [PartitionID] = []
    private var start: [KafkaOffset] = []
    private var next: [KafkaOffset] = []
    /// Offsets at which the present log has other records than the counted ones, and those of them that are not in the
    /// raw events, by partition index.
    private var unread: [(other: OffsetRanges, lost: OffsetRanges)] = []
    private var losses: [LostOffsets] = []
    private let known: (unread: [LostOffsets], lost: [LostOffsets])
    private var failure: String?
    /// A segment was lost, and its records are not re-read yet.
    private var isSuspended = false
    /// Closed segments that are not in a flush yet.
    private var closed: [Segment] = []
    private var lastBacklog: (at: Int64, bytes: Int64)?

    /// - Parameters:
    ///   - unread: the offsets at which the present logs have other records than the counted ones.
    ///   - lost: the offsets whose loss is recorded already.
    init(
        _ sink: any RawSink, unread: [LostOffsets] = [], lost: [LostOffsets] = [],
        wasLate: @escaping (PartitionID, KafkaOffset) -> Bool
    ) {
        self.sink = sink
        known = (unread, lost)
        self.wasLate = wasLate
    }

    /// Adds a partition. Its index, which the other calls use, is its place in the order of the calls.
    func add(partition: PartitionID, next offset: KafkaOffset) {
        partitions.append(partition)
        start.append(offset)
        next.append(offset)
        func offsets(_ known: [LostOffsets]) -> OffsetRanges {
            known.reduce(into: OffsetRanges()) { if $1.partition == partition { $0.insert($1.offsets) } }
        }
        unread.append((offsets(known.unread), offsets(known.lost)))
        passUnread(index: next.count - 1)
    }

    /// Does not re-read these offsets: the present log has other records there than those that were read.
    /// - Parameter counted: the end (exclusive) of the counted offsets; those above it are no loss of raw events alone.
    func exclude(_ offsets: Range<KafkaOffset>, counted: KafkaOffset, index: Int) {
        unread[index].other.insert(offsets)
        if counted < offsets.upperBound {
            unread[index].lost.insert(max(counted, offsets.lowerBound)..<offsets.upperBound)
        }
        passUnread(index: index)
    }

    /// Whether the present log has another record at this offset than the counted one.
    func isUnread(_ offset: KafkaOffset, index: Int) -> Bool { unread[index].other.range(containing: offset) != nil }

    /// Notes the events that cannot be re-read from the next offset on, and goes on after them.
    private func passUnread(index: Int) {
        for lost in unread[index].other.parts(from: next[index], notIn: unread[index].lost) {
            unread[index].lost.insert(lost)
            losses.append(LostOffsets(partition: partitions[index], offsets: lost))
        }
        if let range = unread[index].other.range(containing: next[index]) { next[index] = range.upperBound }
    }

    /// Takes the counted offsets whose raw events can no longer be re-read.
    func takeLosses() -> [LostOffsets] {
        defer { losses = [] }
        return losses
    }

    func next(index: Int) -> KafkaOffset { next[index] }

    @inline(__always)
    func wants(_ offset: KafkaOffset, index: Int) -> Bool {
        offset >= next[index] && failure == nil && !isSuspended
    }

    /// Appends a valid event unless the half already has it.
    @inline(__always)
    func take(_ event: Event, _ record: Record, index: Int, isLate: Bool, now: Int64) {
        guard wants(record.offset, index: index) else { return }
        let raw = RawEvent(
            userID: event.userID, postcode: event.postcode, webpage: event.webpage,
            time: event.time, partition: record.partition, offset: record.offset,
            isLate: isLate, payload: record.payload)
        do {
            if try !sink.append(raw, now: now) {
                try close()
                _ = try sink.append(raw, now: now)
            }
            next[index] = record.offset.next
        } catch {
            failure = "\(error)"
        }
    }

    /// Skips an offset without a valid event.
    func pass(_ offset: KafkaOffset, index: Int) {
        if wants(offset, index: index) { next[index] = offset.next }
    }

    /// Takes the reason why the open segment is lost; nil when it is not.
    func takeFailure() -> String? {
        defer { failure = nil }
        return failure
    }

    /// Drops the open segment and goes back to its start.
    func rewind() {
        sink.discard()
        failure = nil
        next = start
        isSuspended = true
        for index in next.indices { passUnread(index: index) }
    }

    /// Goes back to the start of lost closed segments. Drops the closed segments that are not in a flush yet, too.
    func rewind(to offsets: [PartitionID: KafkaOffset]) {
        for segment in closed {
            sink.remove(segment.fileNames)
            for (partition, span) in segment.offsets { goBack(partition, to: span.from) }
        }
        closed = []
        for (partition, offset) in offsets { goBack(partition, to: offset) }
        rewind()
    }

    private func goBack(_ partition: PartitionID, to offset: KafkaOffset) {
        guard let index = partitions.firstIndex(of: partition) else { return }
        start[index] = min(start[index], offset)
    }

    /// Whether all files of a closed segment exist.
    func isComplete(_ segment: Segment) -> Bool { sink.isComplete(segment) }

    /// Removes files of dropped segments.
    func remove(_ names: [String]) { sink.remove(names) }

    /// Accepts events again: the partitions are re-read from `next` on.
    func resume() { isSuspended = false }

    func isDue(now: Int64) -> Bool { sink.isDue(now: now) }

    /// Completes the open segment. The next one starts at its end.
    func close() throws {
        assert(zip(start, next).allSatisfy { $0 <= $1 }, "an open segment ends at or after its start")
        var spans: [PartitionID: OffsetSpan] = [:]
        for (index, partition) in partitions.enumerated() where next[index] > start[index] {
            spans[partition] = OffsetSpan(from: start[index], to: next[index])
        }
        guard let segment = try sink.close(covering: spans) else { return }
        start = next
        closed.append(segment)
    }

    /// Takes the closed segments.
    func takeClosed() -> [Segment] {
        defer { closed = [] }
        return closed
    }

    func isFull(backlogBytes: Int64) -> Bool { sink.isFull(backlogBytes: backlogBytes) }

    /// The bytes of closed segments. Reads the store at most once per `milliseconds`.
    func backlogBytes(every milliseconds: Int64, now: Int64, _ store: SharedStore) -> Int64 {
        if let last = lastBacklog, now - last.at < milliseconds { return last.bytes }
        let bytes = (try? store.with { try $0.backlog().bytes }) ?? lastBacklog?.bytes ?? 0
        lastBacklog = (now, bytes)
        return bytes
    }
}
