// The event times of windows in the form of a table scan's filter.

import Base

extension WindowStart {
    /// The event times of the windows from this one to `last` (inclusive), in microseconds since the Unix epoch.
    func times(through last: WindowStart, windowSeconds: Int64) -> ClosedRange<Int64> {
        let end = last.end(lengthMilliseconds: windowSeconds * 1000)
        return rawValue...max(rawValue, end.rawValue - 1)
    }
}
