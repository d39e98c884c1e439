// The raw half's own offsets, beside those of the counts.
//
// Invariants: the open segment covers, in each partition, everything from `start` to `next`; when it is lost, `next` goes
// back to `start` and the records in between are read again; a failure is kept until somebody takes it, and nothing is
// accepted meanwhile.

import Base
import Kafka
import State

/// Feeds a raw sink and remembers how far it has come.
final class RawHalf {
    private let sink: any RawSink
    /// Whether the late log has an event that was counted before.
    let wasLate: (PartitionID, KafkaOffset) -> Bool
    private var partitions: [PartitionID] = []
    private var start: [KafkaOffset] = []
    private var next: [KafkaOffset] = []
    private var failure: String?
    /// Between a lost segment and the new assignment that brings its records again.
    private var isSuspended = false
    /// Segments that were closed and are not in a flush yet.
    private var closed: [Segment] = []
    private var lastBacklog: (at: Int64, bytes: Int64)?

    init(_ sink: any RawSink, wasLate: @escaping (PartitionID, KafkaOffset) -> Bool) {
        self.sink = sink
        self.wasLate = wasLate
    }

    /// Partitions come in the order of the accumulator's, whose indexes the other calls use.
    func add(partition: PartitionID, next offset: KafkaOffset) {
        partitions.append(partition)
        start.append(offset)
        next.append(offset)
    }

    func next(index: Int) -> KafkaOffset { next[index] }

    @inline(__always)
    func wants(_ offset: KafkaOffset, index: Int) -> Bool {
        offset >= next[index] && failure == nil && !isSuspended
    }

    /// Takes in a valid event, unless the half has it.
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

    /// Passes over an offset that holds no valid event.
    func pass(_ offset: KafkaOffset, index: Int) {
        if wants(offset, index: index) { next[index] = offset.next }
    }

    /// Why the open segment is lost; nil when it is not.
    func takeFailure() -> String? {
        defer { failure = nil }
        return failure
    }

    /// Goes back to the beginning of the open segment.
    func rewind() {
        sink.discard()
        failure = nil
        next = start
        isSuspended = true
    }

    /// Goes back to where segments began that were closed and are lost; those that no flush has yet are dropped as well.
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

    /// Whether all files of a closed segment are there.
    func isComplete(_ segment: Segment) -> Bool { sink.isComplete(segment) }

    /// Removes files of segments that were dropped.
    func remove(_ names: [String]) { sink.remove(names) }

    /// The partitions are re-read from `next` on.
    func resume() { isSuspended = false }

    func isDue(now: Int64) -> Bool { sink.isDue(now: now) }

    /// Completes the open segment; the next one begins where it ends.
    func close() throws {
        var spans: [PartitionID: OffsetSpan] = [:]
        for (index, partition) in partitions.enumerated() where next[index] > start[index] {
            spans[partition] = OffsetSpan(from: start[index], to: next[index])
        }
        guard let segment = try sink.close(covering: spans) else { return }
        start = next
        closed.append(segment)
    }

    /// Hands over the segments that were closed.
    func takeClosed() -> [Segment] {
        defer { closed = [] }
        return closed
    }

    func isFull(backlogBytes: Int64) -> Bool { sink.isFull(backlogBytes: backlogBytes) }

    /// The bytes of closed segments, asked of the store at most once per `milliseconds`.
    func backlogBytes(every milliseconds: Int64, now: Int64, _ store: SharedStore) -> Int64 {
        if let last = lastBacklog, now - last.at < milliseconds { return last.bytes }
        let bytes = (try? store.with { try $0.backlog().bytes }) ?? lastBacklog?.bytes ?? 0
        lastBacklog = (now, bytes)
        return bytes
    }
}
