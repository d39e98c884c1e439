// Parses the starting point of browsing a topic.

package import Base

/// The starting point of browsing a topic.
package enum StartPoint: Equatable, Sendable {
    /// The newest messages; when following, only messages that arrive later.
    case end
    /// The oldest message.
    case beginning
    /// This offset of each partition.
    case offset(KafkaOffset)
    /// The first message at or after this time, in milliseconds since the Unix epoch.
    case time(Int64)

    /// Reads `beginning`, `end`, an offset, a time from 1970 on (`Instant`), such as `2021-01-26T12:04:44Z` or
    /// `2021-01-26`, or one relative to now such as `-1h` (`Quantity.durations`).
    /// Returns nil for any other text.
    /// - Parameters:
    ///   - text: the text of the option.
    ///   - now: milliseconds since the Unix epoch.
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
