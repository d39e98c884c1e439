// Names of days compared with another calendar: Python's datetime wrote the golden file.

import Foundation
import Testing

@testable import Tables

@Suite struct DayNameTests {
    /// Lines of `NUMBER YYYY-MM-DD` from Golden/make_days.py.
    private static func golden() throws -> [(day: Int, name: String)] {
        let url = try #require(Bundle.module.url(forResource: "Golden/days", withExtension: "txt"))
        return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map { line in
            let parts = line.split(separator: " ")
            return (try #require(Int(parts[0])), String(parts[1]))
        }
    }

    @Test func daysAreNamedAsPythonNamesThem() throws {
        let days = try Self.golden()
        #expect(days.count > 500)
        for (day, name) in days {
            #expect(DayName.iso(day) == name)
            let parts = name.split(separator: "-")
            #expect(DayName.folders(day) == "year=\(parts[0])/month=\(parts[1])/day=\(parts[2])")
        }
    }

    @Test func daysBeyondTheYear9999AreNamedAndDoNotTrap() {
        // The day of the latest event time, which is below 10^17 microseconds.
        #expect(DayName.iso(Int(99_999_999_999_999_999 / 86_400_000_000)) == "5138-11-16")
        #expect(DayName.iso(2_932_897) == "10000-01-01")
    }
}
