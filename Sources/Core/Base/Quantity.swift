// The project's spelling of durations and sizes: a number, then a unit.
// Invariant: `read` returns the value that `write` was given, unless it is negative. A text that is not a quantity, or
// whose value does not fit into 64 bits, reads as nil.

/// Durations in milliseconds, or sizes in bytes.
package struct Quantity: Sendable {
    /// The units from the smallest, each with its names in lower case, the one for output first.
    private let units: [(scale: Int64, names: [String])]
    /// The units for output, from the smallest.
    private let written: [(scale: Int64, name: String)]

    /// Milliseconds: `250ms`, `30s`, `1.5s`, `5m`, `2h`, `7d`, `1 hour`.
    package static let durations: Quantity = {
        let units: [(scale: Int64, names: [String])] = [
            (1, ["ms", "millisecond", "milliseconds"]), (1000, ["s", "sec", "second", "seconds"]),
            (60_000, ["m", "min", "minute", "minutes"]), (3_600_000, ["h", "hour", "hours"]),
            (86_400_000, ["d", "day", "days"]), (604_800_000, ["w", "week", "weeks"]),
        ]
        return Quantity(units: units, written: units.dropLast().map { ($0.scale, $0.names[0]) })
    }()

    /// Bytes: `512KiB`, `64MiB`, `1.5GiB`, `10MB`, `100B`.
    package static let sizes: Quantity = {
        let binary: [(scale: Int64, name: String)] = [
            (1, "B"), (1 << 10, "KiB"), (1 << 20, "MiB"), (1 << 30, "GiB"), (1 << 40, "TiB"),
        ]
        let decimal: [(scale: Int64, names: [String])] = [
            (1000, ["kb"]), (1_000_000, ["mb"]), (1_000_000_000, ["gb"]), (1_000_000_000_000, ["tb"]),
        ]
        return Quantity(units: binary.map { ($0.scale, [$0.name.lowercased()]) } + decimal, written: binary)
    }()

    /// Reads a number of ASCII digits with up to nine digits after a point, optional spaces, and a unit in any case.
    /// Rounds to a whole millisecond or byte, a half up.
    /// - Parameter plain: the scale of a number without a unit; nil requires a unit.
    /// - Returns: nil when the text is not a quantity, or its value does not fit into 64 bits.
    package func read(_ text: some StringProtocol, plain: Int64? = nil) -> Int64? {
        let whole = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int64(whole) else { return nil }
        var rest = text.dropFirst(whole.count)
        var (fraction, parts): (Int64, Int64) = (0, 1)
        if rest.first == "." {
            let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
            guard (1...9).contains(digits.count), let given = Int64(digits) else { return nil }
            (fraction, parts) = (given, (0..<digits.count).reduce(1) { power, _ in power * 10 })
            rest = rest.dropFirst(1 + digits.count)
        }
        let name = rest.drop { $0 == " " }.lowercased()
        guard let scale = name.isEmpty ? plain : units.first(where: { $0.names.contains(name) })?.scale else {
            return nil
        }
        let product = number.multipliedReportingOverflow(by: scale)
        let below = parts.dividingFullWidth(fraction.multipliedFullWidth(by: scale))
        let sum = product.partialValue.addingReportingOverflow(
            below.quotient + (below.remainder * 2 >= parts ? 1 : 0))
        return product.overflow || sum.overflow ? nil : sum.partialValue
    }

    /// Writes a value as a whole number of the largest possible unit; 0 and negative values in the smallest unit.
    package func write(_ value: Int64) -> String {
        let best = written.last { value >= $0.scale && value % $0.scale == 0 } ?? written[0]
        let text = "\(value / best.scale)\(best.name)"
        assert(value < 0 || read(text) == value, "a written quantity reads as itself")
        return text
    }

    // MARK: For people

    /// `340 ms`, `12 s`, `7 min`, `3 h`, `2 d`: rounded down; negative values as 0.
    package static func duration(_ milliseconds: Int64) -> String {
        switch max(0, milliseconds) {
        case let value where value < 1000: "\(value) ms"
        case let value where value < 120_000: "\(value / 1000) s"
        case let value where value < 7_200_000: "\(value / 60_000) min"
        case let value where value < 172_800_000: "\(value / 3_600_000) h"
        case let value: "\(value / 86_400_000) d"
        }
    }

    /// `1023 bytes`, `1.5 MiB`, `10 GiB`.
    package static func size(_ bytes: Int64) -> String {
        var value = Double(bytes)
        for unit in ["bytes", "KiB", "MiB", "GiB"] {
            if value < 1024 {
                let tenths = (value * 10).rounded() / 10
                return tenths == tenths.rounded() ? "\(Int(tenths)) \(unit)" : "\(tenths) \(unit)"
            }
            value /= 1024
        }
        return "\((value * 10).rounded() / 10) TiB"
    }
}
