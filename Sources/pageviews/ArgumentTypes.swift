// The kinds of values that options take.

internal import ArgumentParser

/// Whole numbers with a unit.
enum Quantity {
    /// The number times the unit's scale; nil when there is no such unit or it does not fit 64 bits.
    static func parse(_ text: String, units: [(String, Int64)]) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let number = Int64(digits), let scale = units.first(where: { $0.0 == unit })?.1 else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: scale)
        return overflow ? nil : product
    }
}

/// A length of time such as `200ms`, `20s`, `5m`, `24h`, `7d`.
struct DurationArgument: ExpressibleByArgument, Equatable {
    let milliseconds: Int64
    let defaultValueDescription: String

    private static let units: [(String, Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    init?(argument text: String) {
        guard let value = Quantity.parse(text, units: Self.units) else { return nil }
        milliseconds = value
        defaultValueDescription = text
    }

    /// For defaults in the code.
    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
        let best = Self.units.last { milliseconds >= $0.1 && milliseconds % $0.1 == 0 } ?? ("ms", 1)
        defaultValueDescription = "\(milliseconds / best.1)\(best.0)"
    }
}

/// A librdkafka setting, `KEY=VALUE`.
struct KafkaSetting: ExpressibleByArgument {
    let key: String
    let value: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else { return nil }
        key = String(argument[..<equals])
        value = String(argument[argument.index(after: equals)...])
    }
}

/// Partitions such as `0-3,7`.
struct PartitionsArgument: ExpressibleByArgument {
    let partitions: Set<Int32>?

    init?(argument: String) {
        if argument == "all" {
            partitions = nil
            return
        }
        var found: Set<Int32> = []
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int32($0) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first >= 0,
                first <= last, last - first < 100_000
            else { return nil }
            found.formUnion(first...last)
        }
        partitions = found
    }

    /// Every partition.
    init() { partitions = nil }

    var defaultValueDescription: String { "all" }
}
