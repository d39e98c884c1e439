// Handles SIGTERM and SIGINT for a group of services.
//
// The handler uses atomics, write(2) and _exit(2) only (signal-safety(7)). The first signal wakes the waiting thread.
// The second ends the process at once, with exit code 3, which is safe: a state is consistent after a kill at any
// moment.

import Base
import Foundation
import Glibc
import Synchronization

/// Signals that ask a process to stop.
final class Signals: Sendable {
    /// The number of signals that have arrived.
    private static let count = Atomic<Int>(0)
    /// The handler's end of the pipe.
    private static let wakeUp = Atomic<Int32>(-1)

    private let stop: StopSignal
    private let reading: Int32

    /// Installs the handlers.
    /// - Parameter stop: set when the first signal arrives.
    /// - Returns: nil without signals or when the pipe fails; signals then have their default action.
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
