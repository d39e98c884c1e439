// The time that a checkpoint of the write-ahead log waits for readers.
//
// SQLite resets the log only when all of it is copied and no reader uses it. Readers that always overlap prevent the reset
// unless the writer pauses until the earlier ones end; later ones read the database file. The wait doubles with each 4 MiB of
// growth, from 50 ms at 32 MiB to 5 s at 60 MiB, and takes at most a fifth of the writer's time while no reset succeeds. The log
// still grows between the waits, and while a reader holds a snapshot for longer than a wait.
//
// Invariant: after a wait without a reset, no checkpoint waits for four times as long.

import Base

/// The waits of a writer's checkpoints.
struct CheckpointWait: Sendable, Equatable {
    /// The size from which checkpoints wait, in pages of 4 KiB (inclusive).
    static let budgetPages = 8192
    /// The growth that doubles the wait, in pages.
    static let stepPages = 1024
    /// The shortest and the longest wait, in milliseconds.
    static let waits: ClosedRange<Int64> = 50...5000
    /// Before this time of the monotonic clock, in milliseconds, no checkpoint waits.
    private var notBefore = Int64.min

    /// The milliseconds to wait for readers; nil when the checkpoint shall not wait.
    /// - Parameters:
    ///   - pages: the size of the log, in pages.
    ///   - now: the monotonic clock, in milliseconds.
    func wait(pages: Int, now: Int64) -> Int64? {
        guard pages >= Self.budgetPages, now >= notBefore else { return nil }
        let doublings = min(10, (pages - Self.budgetPages) / Self.stepPages)
        return min(Self.waits.upperBound, Self.waits.lowerBound << doublings)
    }

    /// Notes a checkpoint that waited `wait` milliseconds until `now`.
    mutating func waited(_ wait: Int64, now: Int64, wasReset: Bool) {
        assert(Self.waits.contains(wait), "a wait has bounds")
        notBefore = wasReset ? .min : now.addingOrBound(4 * wait)
    }
}
