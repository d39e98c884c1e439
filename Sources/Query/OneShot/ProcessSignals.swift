// Signals of a process that runs statements. The handlers only raise a flag.

import Glibc

/// The flag that the process's signal handlers raise.
private let processInterrupt = InterruptFlag()

/// The signals of a process that runs statements.
package enum ProcessSignals {
    /// Installs the handlers: SIGINT raises the returned flag, SIGTERM and SIGHUP raise it for good. Ignores SIGPIPE,
    /// so that a write to a closed pipe fails (EPIPE) instead of ending the process.
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

    /// Waits for `milliseconds`, or until the flag is raised.
    package static func wait(milliseconds: Int, unless flag: InterruptFlag) {
        let end = MonotonicClock.milliseconds().addingReportingOverflow(max(0, milliseconds))
        while !flag.isRaised {
            let left = end.overflow ? 100 : end.partialValue - MonotonicClock.milliseconds()
            if left <= 0 { return }
            poll(nil, 0, Int32(clamping: min(left, 100)))
        }
    }
}
