// SIGTERM and SIGINT, held for the group of services.
//
// Invariants: the handler calls nothing but write(2) and _exit(2) (signal-safety(7)); the first signal wakes the thread that
// waits, the second ends the process at once with exit code 3. A state that is killed at any moment is whole.

import Base
import Foundation
import Glibc
import Synchronization

/// Signals that ask a process to stop.
final class Signals: Sendable {
    /// How often one has come, in this process.
    private static let count = Atomic<Int>(0)
    /// The pipe's end that the handler writes to.
    private static let wakeUp = Atomic<Int32>(-1)

    private let stop: StopSignal
    private let reading: Int32

    /// Holds the signals from now on.
    /// - Parameter stop: set when the first one comes.
    /// - Returns: nil when there are none, or no pipe can be made: then they end the process as they always do.
    init?(_ signals: [Int32], _ stop: StopSignal) {
        var ends: [Int32] = [-1, -1]
        guard !signals.isEmpty, pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (self.stop, reading) = (stop, ends[0])
        Self.count.store(0, ordering: .sequentiallyConsistent)
        Self.wakeUp.store(ends[1], ordering: .sequentiallyConsistent)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Signals.arrived() }
        action.sa_flags = SA_RESTART
        for signal in signals { sigaction(signal, &action, nil) }
        let thread = Thread { [self] in watch() }
        thread.name = "signals"
        thread.start()
    }

    private static func arrived() {
        guard count.add(1, ordering: .sequentiallyConsistent).newValue == 1 else { _exit(3) }
        let saved = errno
        var byte: UInt8 = 1
        _ = write(wakeUp.load(ordering: .sequentiallyConsistent), &byte, 1)
        errno = saved
    }

    private func watch() {
        var place = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
        while Self.count.load(ordering: .sequentiallyConsistent) == 0 { poll(&place, 1, -1) }
        stop.set()
    }
}
