// Pauses between the steps of a test: a client that sends slowly, or a repeated poll. No expectation depends on them.

import Dispatch

/// Blocks the thread for a duration.
package func pace(milliseconds: Int) {
    _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(milliseconds))
}
