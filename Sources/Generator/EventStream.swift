// Generates the events: a pure function of seed, mix and clock.
//
// Event `n` of a seed has the same user, postcode, page and lateness in every run: the random generator is seeded, and
// the clock passed with each call only shifts the timestamp. Invariant: some class has a positive weight, and no weight
// or lateness is negative.

/// One share of the events, and their greatest lateness.
package struct LatenessClass: Equatable, Sendable {
    /// The relative weight; weights need not add up to 100.
    package let weight: Int
    /// The greatest lateness (inclusive), in milliseconds.
    package let latestMilliseconds: Int64

    /// A class.
    package init(weight: Int, latestMilliseconds: Int64) {
        self.weight = weight
        self.latestMilliseconds = latestMilliseconds
    }
}

/// The unit of the timestamps sent.
package enum TimeUnit: String, CaseIterable, Sendable {
    /// Seconds.
    case s
    /// Milliseconds.
    case ms
    /// Microseconds.
    case us
}

/// Generates page views as JSON.
package struct EventStream {
    private var random: SeededGenerator
    private let classes: [LatenessClass]
    private let totalWeight: Int
    private let postcodes: [[UInt8]]
    /// Cumulative shares of the postcodes (Zipf: the n-th is viewed 1/n as often as the first).
    private let cumulative: [Double]
    private let unit: TimeUnit
    private static let pages = ["index", "news", "prices", "contact", "about", "offers", "help", "basket"]

    /// - Parameters:
    ///   - classes: the lateness mix; at least one class has a positive weight.
    ///   - postcodes: the number of different postcodes, at least 1.
    package init(seed: UInt64, classes: [LatenessClass], postcodes: Int, unit: TimeUnit = .s) {
        precondition(
            classes.contains { $0.weight > 0 } && classes.allSatisfy { $0.weight >= 0 && $0.latestMilliseconds >= 0 },
            "no lateness class has a weight, or one is negative")
        random = SeededGenerator(seed: seed)
        self.classes = classes
        self.unit = unit
        totalWeight = classes.reduce(0) { $0 + $1.weight }
        self.postcodes = Postcodes.list(max(1, postcodes)).map { Array($0.utf8) }
        var sum = 0.0
        var cumulative: [Double] = []
        for rank in 1...self.postcodes.count {
            sum += 1 / Double(rank)
            cumulative.append(sum)
        }
        self.cumulative = cumulative
    }

    /// Writes the next event into `bytes`.
    /// - Parameter clock: the time at which it is sent, in milliseconds since the Unix epoch; its timestamp is earlier
    ///   by its lateness.
    /// - Returns: the index of its lateness class.
    package mutating func next(clock: Int64, into bytes: inout [UInt8]) -> Int {
        let user = Int64(random.next() % 100_000)
        let postcode = drawPostcode()
        let page = Int(random.next() % 400)
        let (index, lateness) = drawLateness()
        let time = max(1000, clock - lateness)
        bytes.removeAll(keepingCapacity: true)
        Self.append("{\"user_id\": ", to: &bytes)
        Self.append(user, to: &bytes)
        Self.append(", \"postcode\": \"", to: &bytes)
        bytes.append(contentsOf: postcodes[postcode])
        Self.append("\", \"webpage\": \"www.website.com/", to: &bytes)
        bytes.append(contentsOf: Self.pages[page % 8].utf8)
        if page >= 8 { Self.append(Int64(page / 8), to: &bytes) }
        Self.append(".html\", \"timestamp\": ", to: &bytes)
        Self.append(unit == .s ? time / 1000 : unit == .ms ? time : time * 1000, to: &bytes)
        bytes.append(UInt8(ascii: "}"))
        return index
    }

    private mutating func drawPostcode() -> Int {
        let point = Double.random(in: 0..<(cumulative.last ?? 1), using: &random)
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > point { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private mutating func drawLateness() -> (index: Int, milliseconds: Int64) {
        var point = Int(random.next() % UInt64(totalWeight))
        var index = 0
        while index < classes.count - 1, point >= classes[index].weight {
            point -= classes[index].weight
            index += 1
        }
        return (index, Int64.random(in: 0...classes[index].latestMilliseconds, using: &random))
    }

    private static func append(_ text: StaticString, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        if number >= 10 { append(number / 10, to: &bytes) }
        bytes.append(UInt8(truncatingIfNeeded: 0x30 + number % 10))
    }
}
