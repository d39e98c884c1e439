// The set behaves as a set, its bytes are what other libraries write, and corrupt bytes are refused.
import Bitmaps
import Testing

@Suite struct Bitmap64Tests {
    @Test func `a set holds what was inserted, once, in ascending order`() {
        let values: [UInt64] = [7, 3, 1 << 40, 7, UInt64(UInt32.max), 1 << 32]
        var set = Bitmap64(values)
        #expect(set.values() == [3, 7, UInt64(UInt32.max), 1 << 32, 1 << 40])
        #expect(set.count == 5)
        let insertions = [set.insert(7), set.insert(8)]
        #expect(insertions == [false, true])
        #expect(set.contains(8) && !set.contains(9) && !set.contains(1 << 50))
    }

    @Test func `a copy does not see later changes`() {
        var first = Bitmap64([1])
        let second = first
        first.insert(2)
        #expect(second.values() == [1])
        #expect(first != second)
    }

    @Test func `a union holds both sides`() {
        var left = Bitmap64([1, 2, 1 << 33])
        let right = Bitmap64([2, 3, 1 << 34])
        #expect(left.intersects(right))
        left.formUnion(right)
        #expect(left.values() == [1, 2, 3, 1 << 33, 1 << 34])
        #expect(!Bitmap64([1]).intersects(Bitmap64([1 << 32 | 1])))
    }

    @Test func `portable bytes come back as the same set, for arrays, bitsets and runs`() throws {
        var generator = Numbers(seed: 11)
        let sparse = Bitmap64((0..<100).map { _ in generator.next() >> 30 })
        let dense = Bitmap64((0..<50_000).map { _ in generator.next() % 100_000 })
        let runs = Bitmap64(0..<200_000)
        for set in [Bitmap64(), sparse, dense, runs] {
            let bytes = set.portableBytes()
            #expect(try read(bytes) == set)
        }
        #expect(runs.portableBytes().count < 100)
    }

    @Test func `the bytes of a small set are those of the format's description`() {
        // count 1, key 0, cookie 12346, 1 container, key 0, cardinality 2, offset 16, values 1 and 258
        let expected: [UInt8] = [
            1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3A, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0, 0, 1, 0, 2, 1,
        ]
        #expect(Bitmap64([1, 258]).portableBytes() == expected)
    }

    @Test func `values that are not ascending are refused with their position`() {
        var bytes = Bitmap64([1, 258]).portableBytes()
        bytes[30] = 0
        bytes[31] = 0
        #expect(throws: BitmapError.self) { try read(bytes) }
        #expect(Self.reason(bytes) == "bitmap, byte 30: array values are not ascending")
    }

    @Test func `changed or cut bytes give an error or a set, never a crash`() throws {
        let seed: UInt64 = 20_250_101
        var generator = Numbers(seed: seed)
        let originals = [
            Bitmap64((0..<60).map { _ in generator.next() >> 28 }), Bitmap64(10..<70_000),
            Bitmap64((0..<9000).map { $0 * 7 }),
        ].map { $0.portableBytes() }
        for round in 0..<600 {
            var bytes = originals[round % originals.count]
            for _ in 0...Int(generator.next() % 3) {
                let index = Int(generator.next() % UInt64(round % 2 == 0 ? min(bytes.count, 60) : bytes.count))
                bytes[index] = UInt8(truncatingIfNeeded: generator.next())
            }
            if generator.next() % 4 == 0 { bytes.removeLast(Int(generator.next() % UInt64(bytes.count))) }
            guard let set = try? read(bytes) else { continue }
            #expect(try read(set.portableBytes()) == set, "seed \(seed), round \(round)")
        }
    }

    private func read(_ bytes: [UInt8]) throws -> Bitmap64 {
        try bytes.withUnsafeBytes { try Bitmap64(portable: $0) }
    }

    private static func reason(_ bytes: [UInt8]) -> String? {
        do {
            _ = try bytes.withUnsafeBytes { try Bitmap64(portable: $0) }
            return nil
        } catch { return "\(error)" }
    }
}

/// SplitMix64: the same numbers on every machine for a seed.
struct Numbers: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
