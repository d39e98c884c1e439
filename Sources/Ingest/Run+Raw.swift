// The raw half of a run: segments are closed, and what is lost of them is read again.
//
// Invariants: segments in the state follow one another without a gap; one whose files are gone is dropped together with those
// after it only while Kafka still has what they cover (or the user wants to go on without), and no commit that was prepared
// brings them; where reading begins again is what the same transaction says, since a commit may settle at any moment.

import Base
import Kafka
import Log
import SQLite
import State

/// Closed segments whose files are gone.
struct LostSegments {
    /// The oldest; nil when none is known.
    var name: String?
    /// Where each partition has to be read from again.
    var starts: [Int32: Int64] = [:]
    /// When it became known, on the monotonic clock.
    var since: Int64 = 0
    /// They are not waited for at the end: Kafka does not have their events any more, or a commit stands in the way for long.
    var isHopeless = false
    /// The segments that an earlier process left were looked at.
    var hasLooked = false
    /// When the store is asked again, on the monotonic clock.
    var nextLook: Int64 = 0

    /// There is nothing that would still be read again.
    var isNone: Bool { name == nil || isHopeless }
}

extension Run {
    /// Closes the segment when it is due, starts again after a lost one, waits while the spool is full.
    mutating func mindRaw() throws {
        guard let raw else { return }
        try mindLostSegments(raw)
        if let failure = raw.takeFailure() { loseSegment(failure) }
        if let retry = rawRetryAt, service.time.monotonic() >= retry {
            rawRetryAt = nil
            // The events of the lost segment are read again; the counting half passes over them. Which of them were late
            // is asked of the late log, so what is not in it yet is written first.
            if accumulator.hasNews { try flush() }
            needsAssignment = true
        }
        if raw.isDue(now: service.time.wall()) { closeSegment() }
        try mindSpool(raw)
    }

    mutating func closeSegment() {
        guard let raw else { return }
        do {
            try raw.close()
            rawBackoff.reset()
        } catch {
            loseSegment("\(error)")
        }
    }

    private mutating func loseSegment(_ reason: String) {
        let milliseconds = rawBackoff.next()
        complain("raw events cannot be written: \(reason); counting goes on, they are read again")
        raw?.rewind()
        rawRetryAt = service.time.monotonic() + milliseconds
    }

    /// Stops fetching while the spool is over its budget.
    private mutating func mindSpool(_ raw: RawHalf) throws {
        let backlog = raw.backlogBytes(every: 500, now: service.time.monotonic(), store)
        let isFull = raw.isFull(backlogBytes: backlog)
        guard isFull != isPaused else { return }
        isPaused = isFull
        consumer.setPaused(isFull, topic: settings.topic, accumulator.positions)
        if isFull {
            let detail = "\(backlog) bytes of raw events wait for export, the budget (--spool-budget); consuming waits"
            service.log.error("\(detail)", metadata: ["backlog_bytes": .stringConvertible(backlog)])
            accumulator.note(Incident(kind: "spool-full", detail: detail))
        } else {
            service.log.info("the spool has room again; consuming goes on")
            let now = service.time.wall()
            try store.with { try $0.resolve(incidentsOfKind: "spool-full", now: now) }
        }
    }

    // MARK: Lost segments

    /// Looks for segments whose files somebody has removed: all of them at the start, later those that the exporter met.
    private mutating func mindLostSegments(_ raw: RawHalf) throws {
        let now = service.time.monotonic()
        guard now >= lost.nextLook else { return }
        lost.nextLook = now + 1000
        if !lost.hasLooked {
            let waiting = try store.with { try $0.segments(limit: Int(Int32.max)) }
            if let first = waiting.first(where: { !raw.isComplete($0) }) { store.with { $0.lostSegment = first.name } }
            lost.hasLooked = true
        }
        guard let name = store.with({ $0.lostSegment }) else {
            (lost.name, lost.starts) = (nil, [:])
            return
        }
        if lost.name != name { (lost.name, lost.isHopeless, lost.since) = (name, false, now) }
        lost.starts = try store.with { try $0.rawOffsets(droppingFrom: name) }
        if !lost.isHopeless { nextDiscovery = min(nextDiscovery, now) }
    }

    /// With an answer that says what Kafka still has: drops the lost segments and those after them, and reads them again.
    mutating func readLostAgain(_ found: TopicWatch.Findings) throws {
        guard let raw, let name = lost.name else { return }
        // Closed segments get their rows, so that they are dropped too, and late events theirs: which of the events were late
        // is asked of the late log.
        if accumulator.hasNews { try flush() }
        lost.starts = try store.with { try $0.rawOffsets(droppingFrom: name) }
        for (partition, start) in lost.starts where assigned.contains(partition) {
            // An answer to an earlier question; the next one has it.
            guard let range = found.ranges[partition] else { return }
            guard range.low <= start || settings.skipsMissingOffsets else {
                return loseForGood(partition, from: start, to: range.low)
            }
        }
        guard let dropped = try store.with({ try $0.dropSegments(from: name) }) else {
            // The exporter has to withdraw a commit first, or to settle it.
            if service.time.monotonic() - lost.since > 60_000 { lost.isHopeless = true }
            return
        }
        store.with { $0.lostSegment = nil }
        (lost.name, lost.starts) = (nil, [:])
        // Nothing: they were exported after all.
        if !dropped.starts.isEmpty { readAgain(raw, dropped.files, dropped.starts) }
    }

    private mutating func readAgain(_ raw: RawHalf, _ files: [String], _ starts: [Int32: Int64]) {
        raw.rewind(to: starts)
        raw.remove(files)
        for (partition, start) in starts {
            rawOffsets[partition] = min(rawOffsets[partition] ?? start, start)
        }
        service.log.warning(
            "files of raw events that waited for export are gone; the events are read again",
            metadata: ["offsets": Facts.ends(starts.map { ($0.key, $0.value) })])
        needsAssignment = true
    }

    private mutating func loseForGood(_ partition: Int32, from start: Int64, to low: Int64) {
        lost.isHopeless = true
        complain(
            "files of raw events that wait for export are gone, and topic \(settings.topic) partition \(partition) no longer "
                + "has offsets \(start) to \(low - 1): bring the files back to the spool, or give --on-missing-offsets skip "
                + "to record these events as lost and go on", partition: partition, offset: start)
    }
}
