// The raw half of a run: closes segments and re-reads lost ones.
//
// Segments in the state follow one another without a gap. A segment with missing files is therefore dropped together
// with those after it. `dropLost` drops them only if Kafka still has their offsets or the user allows skipping;
// `Store.dropSegments` refuses while a prepared commit has one of them. Re-reading starts at the offsets that the same
// transaction returns, because a commit may settle at any time.

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
    /// The open segment was lost; its events are re-read after the pause.
    /// - until: the end of the pause, on the monotonic clock in milliseconds.
    case rewound(until: Int64, retry: Backoff)

    var isOn: Bool { self != .off }

    var isRewound: Bool { if case .rewound = self { true } else { false } }
}

/// A closed segment with missing files.
struct LostSegment: Equatable {
    /// The name of the oldest such segment.
    var name: String
    /// The offsets from which it and the segments after it must be re-read.
    var starts: [PartitionID: KafkaOffset]
    /// When the loss was found, on the monotonic clock in milliseconds.
    var since: Int64
}

/// Whether closed segments have missing files.
enum LostSegments: Equatable {
    /// The segments of an earlier process were not checked yet.
    case unknown
    /// No file is missing.
    case complete
    /// The segment and those after it are to be re-read.
    case lost(LostSegment)
    /// The end of a run does not wait for the segment: Kafka no longer has its events, or a prepared commit has kept it
    /// for more than 60 s.
    case hopeless(LostSegment)

    /// The oldest lost segment; nil when none is known.
    var segment: LostSegment? {
        switch self {
        case .unknown, .complete: nil
        case .lost(let segment), .hopeless(let segment): segment
        }
    }

    var starts: [PartitionID: KafkaOffset] { segment?.starts ?? [:] }

    /// The end of a run does not wait for a segment.
    var isSettled: Bool { if case .lost = self { false } else { true } }

    /// The same segments with new offsets.
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
        case .lostForGood(let losses): losses.forEach { recordLoss($0) }
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
        complain("raw events cannot be written: \(reason); counting continues, and they are re-read")
        actions.append(.segment(.rewind))
        raw = .rewound(until: now.monotonic + milliseconds, retry: retry)
        // A segment that cannot be completed is re-read.
        if phase == .draining { phase = .reading }
    }

    private mutating func retryRaw() {
        guard case .rewound(let until, let retry) = raw, now.monotonic >= until else { return }
        raw = .writing(retry: retry)
        // The events of the lost segment are re-read; the counting half ignores them. The late log tells which of them
        // were late, so it is flushed first.
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
            log(.info, "the spool has room again; consuming continues")
            actions.append(.state(.resolveIncidents(kind: "spool-full")))
        }
    }

    // MARK: Lost segments

    /// Checks for segments with missing files: at the start all segments, later the one that the exporter noted.
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

    /// Drops a lost segment and those after it, given the offsets that Kafka still has.
    private mutating func dropLost(_ starts: [PartitionID: KafkaOffset], _ ranges: [PartitionID: OffsetRange]) {
        lost = lost.starting(at: starts)
        guard let name = lost.segment?.name else { return }
        for (partition, start) in starts.sorted(by: { $0.key < $1.key }) where assigned.contains(partition) {
            // The answer is to an earlier question; the next one has the range.
            guard let range = ranges[partition] else { return }
            guard range.low <= start || settings.skipsMissingOffsets else {
                return loseForGood(partition, from: start, to: range.low)
            }
        }
        actions.append(.segment(.drop(from: name)))
    }

    private mutating func readAgain(_ files: [String], _ starts: [PartitionID: KafkaOffset]) {
        lost = .complete
        // No offsets: the segments were exported after all.
        guard !starts.isEmpty else { return }
        actions.append(.segment(.readAgain(files: files, starts: starts)))
        for (partition, start) in starts { rawOffsets[partition] = min(rawOffsets[partition] ?? start, start) }
        log(
            .warning, "files of raw events that waited for export are missing or truncated; the events are read again",
            .offsets(starts))
        assignment = .outdated
        askAgain(in: 1000)
    }

    /// Keeps a lost segment: the exporter must first withdraw or settle its commit.
    private mutating func keepLost() {
        guard case .lost(let segment) = lost, now.monotonic - segment.since > 60_000 else { return }
        lost = .hopeless(segment)
    }

    private mutating func recordLoss(_ lost: LostOffsets) {
        let incident = Incident.missingOffsets(
            of: "topic \(settings.topic)", lost, "of the earlier log can no longer be read and are not in the raw table"
        )
        let (from, to) = (lost.offsets.lowerBound, lost.offsets.upperBound)
        log(.error, incident.detail, .place(partition: lost.partition, offset: from, end: to))
        actions.append(.counting(.recordIncident(incident)))
    }

    private mutating func loseForGood(_ partition: PartitionID, from start: KafkaOffset, to low: KafkaOffset) {
        if case .lost(let segment) = lost { lost = .hopeless(segment) }
        complain(
            "files of raw events that wait for export are gone, and topic \(settings.topic) partition \(partition) no "
                + "longer has offsets \(start) to \(low.previous): restore the files in the spool, or give "
                + "--on-missing-offsets skip to record these events as lost and continue", partition: partition,
            offset: start)
    }
}
