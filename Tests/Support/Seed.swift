// Reproducible randomness.
//
// Every property test draws from a `SeededRandom` and names the seed in its failures. PAGEVIEWS_TEST_SEED sets
// the seed of all of them.

import Foundation

/// Random numbers that depend on nothing but the seed (xorshift64*, Vigna 2016).
package struct SeededRandom: RandomNumberGenerator {
    /// The initial seed.
    package let seed: UInt64
    private var state: UInt64

    /// A generator with this seed.
    package init(seed: UInt64) {
        self.seed = seed
        // The zero state would repeat for ever, so it is avoided. The multiplication spreads neighbouring seeds.
        state = (seed &+ 0x9E37_79B9_7F4A_7C15) &* 0xD129_42B0_3A8A_4F6B | 1
    }

    /// The next 64 random bits.
    package mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }

    /// One of `0..<bound`.
    package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(max(bound, 1))) }

    /// True once in `n` times, on average.
    package mutating func oneIn(_ n: Int) -> Bool { below(n) == 0 }
}

/// The seed of a test run: PAGEVIEWS_TEST_SEED where it is set, otherwise a random one. Prints the seed.
/// - Parameter test: the name of the test, for the printed line.
package func testSeed(for test: String) -> UInt64 {
    let given = ProcessInfo.processInfo.environment["PAGEVIEWS_TEST_SEED"].flatMap { UInt64($0) }
    let seed = given ?? UInt64.random(in: 1...UInt64(UInt32.max))
    print("\(test): seed \(seed) (PAGEVIEWS_TEST_SEED=\(seed) runs it again)")
    return seed
}
