// Ends a statement that exceeds its deadline or that the user interrupts. SQLite's progress handler polls the guard,
// and so does the caller between rows and while output waits for its reader.

import Glibc
import Synchronization

/// Set by Ctrl-C, from a signal handler or any thread; polled by the running statement.
package final class InterruptFlag: Sendable {
    private let raised = Atomic<Bool>(false)
    private let raisedForGood = Atomic<Bool>(false)

    /// A flag that is not raised.
    package init() {}

    /// Asks the running statement to end. Safe in a signal handler.
    package func raise() { raised.store(true, ordering: .relaxed) }

    /// Asks the running statement and the whole session to end. Safe in a signal handler.
    func raiseForGood() { raisedForGood.store(true, ordering: .relaxed) }

    /// Lowers the flag before the next statement, unless it was raised for good.
    package func lower() { raised.store(false, ordering: .relaxed) }

    /// The running statement must stop.
    package var isRaised: Bool { raised.load(ordering: .relaxed) || isRaisedForGood }

    /// The session must end.
    var isRaisedForGood: Bool { raisedForGood.load(ordering: .relaxed) }
}

/// A monotonic clock, in milliseconds.
enum MonotonicClock {
    static func milliseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

/// The deadline and the interrupt flag of the running statement.
final class RunGuard {
    private let interrupt: InterruptFlag
    private let now: () -> Int
    private var limitMilliseconds: Int?
    private var end = Int.max

    /// - Parameter now: milliseconds of a monotonic clock.
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

    /// The reason to end the statement, once `mayContinue` is false.
    var failure: QueryError {
        interrupt.isRaised ? .interrupted : .deadline(milliseconds: limitMilliseconds ?? 0)
    }

    func check() throws(QueryError) {
        if !mayContinue { throw failure }
    }
}
