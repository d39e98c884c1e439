// Compares numbers with fractions and exponents with arithmetic on their digits.

import TestSupport
import Testing

@testable import Ingest

@Suite("Integral numbers")
struct NumberTextTests {
    static func read(_ text: String) -> NumberText {
        Array(text.utf8).withUnsafeBytes { NumberText($0[...]) }
    }

    @Test("an integer written with any shift of its point is that integer")
    func shifted() {
        let seed = testSeed(for: "integral numbers")
        var random = SeededRandom(seed: seed)
        for _ in 0..<5000 {
            let value = Int64(bitPattern: random.next()) >> Int64(random.below(64))
            let digits = "\(value.magnitude)"
            let sign = value < 0 ? "-" : ""
            // The point moves `places` to the left, the exponent moves it back.
            let places = random.below(30)
            let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
            let zeros = String(repeating: "0", count: random.below(40))
            let fraction = padded.suffix(places) + zeros
            let text = sign + padded.dropLast(places) + (fraction.isEmpty ? "" : "." + fraction) + "e\(places)"
            #expect(Self.read(text) == .integer(value), "seed \(seed): \(text)")
            // The same integer with trailing zeros and a negative exponent.
            #expect(Self.read("\(value)\(zeros)E-\(zeros.utf8.count)") == .integer(value), "seed \(seed): \(value)")
            if value != 0 {
                // One more digit after the point makes a fraction.
                #expect(Self.read("\(value).\(zeros)1") == .fraction, "seed \(seed): \(value)")
                #expect(Self.read("\(sign)\(digits)1e-1") == .fraction, "seed \(seed): \(value)")
            }
        }
    }

    @Test(
        "the ends of 64 bits",
        arguments: [
            ("9223372036854775807.0", NumberText.integer(Int64.max)), ("9223372036854775808.0", .tooLarge),
            ("-9223372036854775808.00", .integer(Int64.min)), ("-9223372036854775809.0", .tooLarge),
            ("922337203685477580.7e1", .integer(Int64.max)), ("922337203685477580.75e1", .fraction),
            ("1e18", .integer(1_000_000_000_000_000_000)),
            ("1e19", .tooLarge), ("10e-1", .integer(1)), ("1e-1", .fraction), ("0.0e-7", .integer(0)),
            ("-0e999999999999999999999", .integer(0)),
            ("1e999999999999999999999", .tooLarge), ("1e-999999999999999999999", .fraction),
            ("99999999999999999999999999.5", .fraction), ("99999999999999999999999999.0", .tooLarge),
        ])
    func ends(text: String, value: NumberText) {
        #expect(Self.read(text) == value)
    }
}
