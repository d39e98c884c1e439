// The times of windows as the filters of a table scan have them.

import Base

extension WindowStart {
    /// The times of the windows from this one to `last`, microseconds since the Unix epoch.
    func times(through last: WindowStart, windowSeconds: Int64) -> ClosedRange<Int64> {
        let end = last.end(lengthMilliseconds: windowSeconds * 1000)
        return rawValue...max(rawValue, end.rawValue - 1)
    }
}
