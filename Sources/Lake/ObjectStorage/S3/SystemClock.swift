// The wall clock, in seconds since the Unix epoch.

import Glibc

enum SystemClock {
    static func secondsSinceEpoch() -> Int64 { Int64(time(nil)) }
}
