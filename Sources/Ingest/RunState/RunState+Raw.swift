// The raw half of a run: segments are closed, and what is lost of them is read again.
//
// Invariants: segments in the state follow one another without a gap; one whose files are gone is dropped together with those
// after it only while Kafka still has what they cover (or the user wants to go on without), and no commit that was prepared
// brings them; where reading begins again is what the same transaction says, since a commit may settle at any moment.

import Base
import Kafka
import Log
import State

/// Whether raw events are written.
enum RawState: Equatable {
    /// There is no raw half.
    case off
    /// - retry: the pause after the next lost segment.
    case writing(retry: Backoff)
    /// The open segment was lost; its events are read again when the pause is over.
    /// - until: on the monotonic clock.
    case rewound(until: Int64, retry: Backoff)

    var isOn: Bool { self != .off }

    var isRewound: Bool { if case .rewound = self { true } else { false } }
}

/// Closed segments whose files are gone.
struct LostSegment: Equatable {
    /// The oldest.
    var name: String
    /// Where each partition has to be read from again.
    var starts: [PartitionID: KafkaOffset]
    /// When it became known, on the monotonic clock.
    var since: Int64
}

/// Whether there are closed segments whose files are gone.
enum LostSegments: Equatable {
    /// The segments that an earlier process left were not looked at yet.
    case unknown
    /// All are there.
    case complete
    /// They are to be read again.
    case lost(LostSegment)
    /// They are not waited for at the end: Kafka does not have their events any more, or a commit stands in the way for long.
    case hopeless(LostSegment)

    /// The oldest segment; nil when none is known.
    var segment: LostSegment? {
        switch self {
        case .unknown, .complete: nil
        case .lost(let segment), .hopeless(let segment): segment
        }
    }

    var starts: [PartitionID: KafkaOffset] { segment?.starts ?? [:] }

    /// Nothing is waited for.
    var isSettled: Bool { if case .lost = self { false } else { true } }

    /// The same segments, from where the state says now.
    func starting(at starts: [PartitionID: KafkaOffset]) -> LostSegments {
        switch self {
        case .unknown, .complete: self
        case .lost(let segment): .lost(LostSegment(name: segment.name, starts: starts, since: segment.since))
        case .hopeless(let segment): .hopeless(LostSegment(name: segment.name, starts: starts, since: segment.since))
        }
    }
}

extension RunState {
    mutating func decide(_ event: SegmentEvent) {
        switch event {
        case .lossCheck: lookForLoss()
        case .retryCheck: retryRaw()
        case .spoolMeasured(let bytes, let isFull): compareSpool(isFull ? .full : .open, bytes)
        case .closed: segmentClosed()
        case .failed(let reason): segmentFailed(reason)
        case .lossFound(let name, let starts): takeLoss(name, starts)
        case .rereadMeasured(let starts, let ranges): dropLost(starts, ranges)
        case .dropped(let files, let starts): readAgain(files, starts)
        case .kept: keepLost()
        }
    }

    // MARK: The open segment

    private mutating func segmentClosed() {
        switch raw {
        case .off: break
        case .writing: raw = .writing(retry: Backoff())
        case .rewound(let until, _): raw = .rewound(until: until, retry: Backoff())
        }
        if phase == .draining { phase = .finishing }
    }

    private mutating func segmentFailed(_ reason: String) {
        var retry: Backoff
        switch raw {
        case .off: return
        case .writing(let pause), .rewound(_, let pause): retry = pause
        }
        let milliseconds = retry.next()
        complain("raw events cannot be written: \(reason); counting goes on, they are read again")
        actions.append(.segment(.rewind))
        raw = .rewound(until: now.monotonic + milliseconds, retry: retry)
        // A segment that cannot be completed is read again.
        if phase == .draining { phase = .reading }
    }

    private mutating func retryRaw() {
        guard case .rewound(let until, let retry) = raw, now.monotonic >= until else { return }
        raw = .writing(retry: retry)
        // The events of the lost segment are read again; the counting half passes over them. Which of them were late is
        // asked of the late log, so what is not in it yet is written first.
        actions.append(.state(.flushNews))
        assignment = .outdated
    }

    /// Stops fetching while the spool is over its budget.
    private mutating func compareSpool(_ measured: Spool, _ bytes: Int64) {
        guard measured != spool else { return }
        spool = measured
        actions.append(.kafka(.setPaused(measured == .full)))
        switch measured {
        case .full:
            let detail = "\(bytes) bytes of raw events wait for export, the budget (--spool-budget); consuming waits"
            log(.error, detail, .backlog(bytes: bytes))
            actions.append(.counting(.recordIncident(Incident(kind: "spool-full", detail: detail))))
        case .open:
            log(.info, "the spool has room again; consuming goes on")
            actions.append(.state(.resolveIncidents(kind: "spool-full")))
        }
    }

    // MARK: Lost segments

    /// Looks for segments whose files somebody has removed: all of them at the start, later those that the exporter met.
    private mutating func lookForLoss() {
        guard raw.isOn, now.monotonic >= due.lostSegments else { return }
        due.lostSegments = now.monotonic + 1000
        actions.append(.segment(.findLoss(amongAll: lost == .unknown)))
    }

    private mutating func takeLoss(_ name: String?, _ starts: [PartitionID: KafkaOffset]) {
        guard let name else {
            lost = .complete
            return
        }
        if lost.segment?.name == name {
            lost = lost.starting(at: starts)
        } else {
            lost = .lost(LostSegment(name: name, starts: starts, since: now.monotonic))
        }
        if !lost.isSettled { askAgain(in: 0) }
    }

    /// With an answer that says what Kafka still has: drops the lost segments and those after them.
    private mutating func dropLost(_ starts: [PartitionID: KafkaOffset], _ ranges: [PartitionID: OffsetRange]) {
        lost = lost.starting(at: starts)
        guard let name = lost.segment?.name else { return }
        for (partition, start) in starts.sorted(by: { $0.key < $1.key }) where assigned.contains(partition) {
            // An answer to an earlier question; the next one has it.
            guard let range = ranges[partition] else { return }
            guard range.low <= start || settings.skipsMissingOffsets else {
                return loseForGood(partition, from: start, to: range.low)
            }
        }
        actions.append(.segment(.drop(from: name)))
    }

    private mutating func readAgain(_ files: [String], _ starts: [PartitionID: KafkaOffset]) {
        lost = .complete
        // Nothing: they were exported after all.
        guard !starts.isEmpty else { return }
        actions.append(.segment(.readAgain(files: files, starts: starts)))
        for (partition, start) in starts { rawOffsets[partition] = min(rawOffsets[partition] ?? start, start) }
        log(
            .warning, "files of raw events that waited for export are gone; the events are read again",
            .offsets(starts))
        assignment = .outdated
        askAgain(in: 1000)
    }

    /// The exporter has to withdraw a commit first, or to settle it.
    private mutating func keepLost() {
        guard case .lost(let segment) = lost, now.monotonic - segment.since > 60_000 else { return }
        lost = .hopeless(segment)
    }

    private mutating func loseForGood(_ partition: PartitionID, from start: KafkaOffset, to low: KafkaOffset) {
        if case .lost(let segment) = lost { lost = .hopeless(segment) }
        complain(
            "files of raw events that wait for export are gone, and topic \(settings.topic) partition \(partition) no longer "
                + "has offsets \(start) to \(low.previous): bring the files back to the spool, or give --on-missing-offsets skip "
                + "to record these events as lost and go on", partition: partition, offset: start)
    }
}
