// Ctrl-C for a process that runs statements: the handler only raises a flag.

import Glibc

/// The flag that the process's signal handlers raise.
private let processInterrupt = InterruptFlag()

/// The signals of a process that runs statements.
package enum ProcessSignals {
    /// From now on SIGINT raises the returned flag, SIGTERM and SIGHUP raise it for good, and a closed pipe is an error of
    /// the write (EPIPE) instead of the end of the process.
    package static func watch() -> InterruptFlag {
        let flag = processInterrupt
        var action = sigaction()
        // Without SA_RESTART a blocked call returns, and its caller checks the flag.
        action.__sigaction_handler.sa_handler = { _ in processInterrupt.raise() }
        sigaction(SIGINT, &action, nil)
        action.__sigaction_handler.sa_handler = { _ in processInterrupt.raiseForGood() }
        sigaction(SIGTERM, &action, nil)
        sigaction(SIGHUP, &action, nil)
        signal(SIGPIPE, SIG_IGN)
        return flag
    }

    /// Waits for this time, or until the flag is raised.
    package static func wait(milliseconds: Int, unless flag: InterruptFlag) {
        let end = MonotonicClock.milliseconds().addingReportingOverflow(max(0, milliseconds))
        while !flag.isRaised {
            let left = end.overflow ? 100 : end.partialValue - MonotonicClock.milliseconds()
            if left <= 0 { return }
            poll(nil, 0, Int32(clamping: min(left, 100)))
        }
    }
}
