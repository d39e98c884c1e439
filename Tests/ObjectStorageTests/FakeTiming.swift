// Time that passes only where a store sleeps, and chance that is always the same.

import ObjectStorage
import Synchronization

final class FakeTiming: Sendable {
    private let uptime = Mutex(Duration.zero)
    private let slept = Mutex<[Duration]>([])

    /// The pauses so far.
    var pauses: [Duration] { slept.withLock { $0 } }

    var timing: Timing {
        Timing(
            wallClock: { 1_795_416_607 }, uptime: { self.uptime.withLock { $0 } },
            sleep: { duration in
                self.uptime.withLock { $0 += duration }
                self.slept.withLock { $0.append(duration) }
            },
            random: { 0.5 })
    }
}
