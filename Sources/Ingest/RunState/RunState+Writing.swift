// Decides when to flush, when to commit the group's offsets, and how a run ends.
//
// A failed flush is retried before anything else, until it succeeds, or until it fails after a stop request.

import Base
import Kafka
import Log

extension RunState {
    mutating func decide(_ event: WritingEvent) {
        switch event {
        case .check(let hasNews, let isFull):
            let sinceFlush = now.monotonic - due.lastFlush
            if hasNews, isFull || sinceFlush >= settings.flushIntervalMilliseconds { actions.append(.state(.flush)) }
        case .flushed:
            writing = .working
            due.lastFlush = now.monotonic
            report(.flushed)
            group.changed()
            actions.append(.kafka(.checkCommit))
        case .failed(let reason): flushFailed(reason)
        case .commitChecked(let outcome): commitChecked(outcome)
        case .commitSent: group.sent(now: now.monotonic)
        }
    }

    private mutating func flushFailed(_ reason: String) {
        if now.isStopRequested { return fail(.notWritten(path: statePath, reason: reason)) }
        var retry = Backoff()
        if case .failing(let pause) = writing { retry = pause }
        let milliseconds = retry.next()
        writing = .failing(retry: retry)
        report(.flushFailed(reason))
        complain("state \(statePath) cannot be written: \(reason); consuming waits, trying again")
        actions += [.wait(milliseconds: milliseconds), .state(.flush)]
    }

    // MARK: The group's offsets

    private mutating func commitChecked(_ outcome: CommitOutcome?) {
        let words: String?
        if let outcome {
            words = group.ended(outcome, now: now.monotonic)
        } else {
            words = group.silence(now: now.monotonic)
        }
        if let words {
            complain("group \(settings.group): its offsets were not committed: \(words); lag tools show older ones")
        }
        if group.isDue(now: now.monotonic) { actions.append(.kafka(.commit)) }
    }

    /// Time limit of the last commit, in milliseconds. It is longest at the end of the input with a reachable broker,
    /// because a new cluster creates the group's coordinator only then. After a stop request the service ends soon.
    private var commitLimit: Int64 { brokers != .reachable ? 1000 : now.isStopRequested ? 2000 : 10_000 }

    // MARK: The end of a run

    mutating func decide(_ event: EndingEvent) {
        switch event {
        case .began(let ends): for end in ends { reportOpenTransaction(end) }
        case .written:
            guard !assigned.isEmpty else { return }
            group.changed()
            phase = .confirming(since: now.monotonic, reason: "no answer in time")
        case .commitCheck:
            guard case .confirming(let since, _) = phase else { return }
            if now.monotonic - since >= commitLimit { return giveUpCommit() }
            actions.append(.kafka(.awaitCommit(milliseconds: 100)))
        case .commitAwaited(let outcome, let isUnderWay): commitAwaited(outcome, isUnderWay: isUnderWay)
        case .checkpointed: phase = .ended
        }
    }

    /// Warns that the reached end is not the end of the log, because a producer has an open or hung transaction.
    private mutating func reportOpenTransaction(_ end: PartitionEnd) {
        guard settings.exitsAtEnd, !now.isStopRequested, end.end > end.next else { return }
        log(
            .warning,
            """
            topic \(settings.topic) partition \(end.partition): ended at offset \(end.next), where a \
            transaction is open; up to \(end.next.distance(to: end.end)) records after it were not read
            """, .place(partition: end.partition, offset: end.next, end: end.end))
    }

    private mutating func commitAwaited(_ outcome: CommitOutcome?, isUnderWay: Bool) {
        guard case .confirming(let since, _) = phase else { return }
        if let outcome {
            _ = group.ended(outcome, now: now.monotonic)
            switch outcome {
            case .acknowledged:
                if !group.isPending {
                    phase = .finishing
                    return
                }
            case .failed(let error):
                phase = .confirming(since: since, reason: error.message)
                if error.isAuthentication { return giveUpCommit() }
            }
        }
        if group.isDue(now: now.monotonic) {
            actions.append(.kafka(.commit))
        } else if !isUnderWay {
            actions.append(.pause(milliseconds: 50))
        }
        actions.append(.kafka(.takeErrors))
    }

    private mutating func giveUpCommit() {
        guard case .confirming(_, let reason) = phase else { return }
        phase = .finishing
        log(
            .warning,
            "group \(settings.group): its last offsets were not committed: \(reason); lag tools will show older ones",
            .countedOffsets)
    }
}
