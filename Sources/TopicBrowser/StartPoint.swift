// Where looking at a topic begins, as people write it.

package import Base

/// Where looking at a topic begins.
package enum StartPoint: Equatable, Sendable {
    /// With the newest messages that there are; when following, with the ones that come.
    case end
    /// With the oldest message.
    case beginning
    /// At this offset of each partition.
    case offset(KafkaOffset)
    /// With the first message at or after this time, milliseconds since the Unix epoch.
    case time(Int64)

    /// Reads `beginning`, `end`, an offset, a time from 1970 on (`Instant`), such as `2021-01-26T12:04:44Z` or `2021-01-26`, or
    /// one relative to now such as `-1h` (`Quantity.durations`).
    /// - Parameters:
    ///   - text: what was written.
    ///   - now: milliseconds since the Unix epoch.
    /// - Returns: nil when it is none of these.
    package init?(_ text: String, now: Int64) {
        switch text {
        case "beginning", "earliest", "start": self = .beginning
        case "end", "latest": self = .end
        default:
            if text.first == "-" {
                guard let span = Quantity.durations.read(text.dropFirst()) else { return nil }
                self = .time(max(0, now - span))
            } else if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
                guard let offset = KafkaOffset(text) else { return nil }
                self = .offset(offset)
            } else {
                guard let time = Instant(text)?.milliseconds, time >= 0 else { return nil }
                self = .time(time)
            }
        }
    }
}
