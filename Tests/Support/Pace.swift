// Spacing out what a test does: a client that trickles, a poll that is repeated. It proves nothing.

import Dispatch

/// Blocks for a while.
package func pace(milliseconds: Int) {
    _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(milliseconds))
}
