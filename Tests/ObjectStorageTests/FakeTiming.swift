// Time that passes only where a store sleeps, and chance that is always the same.

import Base
import ObjectStorage

final class FakeTiming: Sendable {
    private let uptime = Lock(Duration.zero)
    private let slept = Lock<[Duration]>([])

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
