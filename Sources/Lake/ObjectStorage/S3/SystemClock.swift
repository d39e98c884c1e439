// The wall clock.

import Glibc

enum SystemClock {
    static func secondsSinceEpoch() -> Int64 { Int64(time(nil)) }
}
