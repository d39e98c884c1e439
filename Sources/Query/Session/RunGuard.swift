// Ends a statement that has run too long or that the user has interrupted. One object is asked by SQLite's progress
// handler, between rows, and while output is waiting for its reader.

import Glibc
import Synchronization

/// Set by Ctrl-C, from a signal handler or any thread; read by whatever is running.
package final class InterruptFlag: Sendable {
    private let raised = Atomic<Bool>(false)
    private let raisedForGood = Atomic<Bool>(false)

    /// A flag that is down.
    package init() {}

    /// Asks the running statement to end. Safe in a signal handler.
    package func raise() { raised.store(true, ordering: .relaxed) }

    /// Asks the running statement and the whole session to end. Safe in a signal handler.
    package func raiseForGood() { raisedForGood.store(true, ordering: .relaxed) }

    /// Puts the flag down again, before the next statement; not one that was raised for good.
    package func lower() { raised.store(false, ordering: .relaxed) }

    /// What is running has to stop.
    package var isRaised: Bool { raised.load(ordering: .relaxed) || isRaisedForGood }

    /// The session has to end.
    package var isRaisedForGood: Bool { raisedForGood.load(ordering: .relaxed) }
}

/// Milliseconds of a clock that never goes back.
enum MonotonicClock {
    static func milliseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

/// The deadline and the interrupt flag of what is running now.
final class RunGuard {
    private let interrupt: InterruptFlag
    private let now: () -> Int
    private var limitMilliseconds: Int?
    private var end = Int.max

    /// - Parameter now: milliseconds of a clock that never goes back.
    init(interrupt: InterruptFlag, now: @escaping () -> Int) {
        (self.interrupt, self.now) = (interrupt, now)
    }

    /// Starts the clock; nil means no deadline.
    func start(limitMilliseconds: Int?) {
        self.limitMilliseconds = limitMilliseconds
        end =
            limitMilliseconds.map { now().addingReportingOverflow($0) }.map { $0.overflow ? .max : $0.partialValue }
            ?? .max
    }

    var mayContinue: Bool { !interrupt.isRaised && (end == .max || now() < end) }

    /// What ended the run, as an error.
    var failure: QueryError {
        interrupt.isRaised ? .interrupted : .deadline(milliseconds: limitMilliseconds ?? 0)
    }

    func check() throws(QueryError) {
        if !mayContinue { throw failure }
    }
}
