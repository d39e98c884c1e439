// Moments as options.

internal import ArgumentParser
internal import Foundation

/// A moment in UTC: `2021-01-26`, `2021-01-26T12:04:00Z`, or seconds since 1970.
struct TimeArgument: ExpressibleByArgument, Equatable {
    let seconds: Int64

    init?(argument text: String) {
        if let number = Int64(text), (0...253_402_300_799).contains(number) {
            seconds = number
            return
        }
        let formatter = ISO8601DateFormatter()
        guard let date = formatter.date(from: text.contains("T") ? text : text + "T00:00:00Z") else { return nil }
        seconds = Int64(date.timeIntervalSince1970)
    }

    /// As people read it.
    static func text(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).ISO8601Format()
    }
}
