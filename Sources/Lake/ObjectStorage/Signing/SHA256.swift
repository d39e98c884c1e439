// SHA-256 (FIPS 180-4, section 6.2) and HMAC (RFC 2104), for signing requests to S3.
//
// Written here rather than taken from libcurl's or OpenSSL's insides: libcurl 7.88's own SigV4 never sends
// x-amz-content-sha256 and signs an uploaded stream as if it were empty, so its signatures cannot be checked against
// AWS's published examples; OpenSSL would be one more library to link for two hundred lines. The loops use raw pointers and wrapping operators
// only, so that they are fast without optimisation too.

/// An incremental SHA-256.
struct SHA256 {
    static let digestLength = 32
    static let blockLength = 64

    private var state: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19
    )
    private var pending: [UInt8] = []
    private var length: UInt64 = 0
    private let schedule = Schedule()

    init() { pending.reserveCapacity(Self.blockLength * 2) }

    /// Adds bytes.
    mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// Adds bytes.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        length &+= UInt64(bytes.count)
        var rest = bytes
        if !pending.isEmpty {
            let taken = min(Self.blockLength - pending.count, rest.count)
            pending.append(contentsOf: rest[..<taken])
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            guard pending.count == Self.blockLength else { return }
            pending.withUnsafeBytes { block in compress(block, blocks: 1) }
            pending.removeAll(keepingCapacity: true)
        }
        let whole = rest.count / Self.blockLength
        if whole > 0 { compress(rest, blocks: whole) }
        pending.append(contentsOf: rest[(whole * Self.blockLength)...])
    }

    /// The digest of all bytes so far.
    func finalize() -> [UInt8] {
        var copy = self
        let bits = length &* 8
        var padding = pending
        padding.append(0x80)
        while padding.count % Self.blockLength != 56 { padding.append(0) }
        for shift in stride(from: 56, through: 0, by: -8) {
            padding.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        padding.withUnsafeBytes { copy.compress($0, blocks: padding.count / Self.blockLength) }
        let words = copy.state
        return [words.0, words.1, words.2, words.3, words.4, words.5, words.6, words.7].flatMap { word in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
    }

    /// The digest of `bytes`.
    static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }

    /// HMAC-SHA-256.
    static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var block = key.count > blockLength ? hash(key) : key
        block += [UInt8](repeating: 0, count: blockLength - block.count)
        var inner = SHA256()
        inner.update(block.map { $0 ^ 0x36 })
        inner.update(message)
        var outer = SHA256()
        outer.update(block.map { $0 ^ 0x5c })
        outer.update(inner.finalize())
        return outer.finalize()
    }
}

extension SHA256 {
    /// The round constants and room for the message schedule, at fixed addresses.
    private final class Schedule: @unchecked Sendable {
        let constants: UnsafeMutablePointer<UInt32>

        init() {
            constants = .allocate(capacity: 64)
            constants.initialize(from: SHA256.roundConstants, count: 64)
        }

        deinit { constants.deallocate() }
    }

    private mutating func compress(_ bytes: UnsafeRawBufferPointer, blocks: Int) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
            guard let base = bytes.baseAddress, let words = words.baseAddress else { return }
            var block = 0
            while block < blocks {
                Self.expand(base + block &* 64, into: words)
                round(words)
                block &+= 1
            }
        }
    }

    /// FIPS 180-4, 6.2.2, step 1.
    private static func expand(_ block: UnsafeRawPointer, into words: UnsafeMutablePointer<UInt32>) {
        var index = 0
        while index < 16 {
            words[index] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self))
            index &+= 1
        }
        while index < 64 {
            let first = words[index &- 15]
            let second = words[index &- 2]
            let small0 = (first &>> 7 | first &<< 25) ^ (first &>> 18 | first &<< 14) ^ (first &>> 3)
            let small1 = (second &>> 17 | second &<< 15) ^ (second &>> 19 | second &<< 13) ^ (second &>> 10)
            words[index] = words[index &- 16] &+ small0 &+ words[index &- 7] &+ small1
            index &+= 1
        }
    }

    /// FIPS 180-4, 6.2.2, steps 2 to 4, with the standard's names. Eight steps at a time, after which every variable is
    /// in its place again and nothing has been moved around.
    private mutating func round(_ words: UnsafeMutablePointer<UInt32>) {
        var (a, b, c, d, e, f, g, h) = state
        let constants = schedule.constants
        var index = 0
        while index < 64 {
            Self.step(a, b, c, &d, e, f, g, &h, constants[index] &+ words[index])
            Self.step(h, a, b, &c, d, e, f, &g, constants[index &+ 1] &+ words[index &+ 1])
            Self.step(g, h, a, &b, c, d, e, &f, constants[index &+ 2] &+ words[index &+ 2])
            Self.step(f, g, h, &a, b, c, d, &e, constants[index &+ 3] &+ words[index &+ 3])
            Self.step(e, f, g, &h, a, b, c, &d, constants[index &+ 4] &+ words[index &+ 4])
            Self.step(d, e, f, &g, h, a, b, &c, constants[index &+ 5] &+ words[index &+ 5])
            Self.step(c, d, e, &f, g, h, a, &b, constants[index &+ 6] &+ words[index &+ 6])
            Self.step(b, c, d, &e, f, g, h, &a, constants[index &+ 7] &+ words[index &+ 7])
            index &+= 8
        }
        state = (
            state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e, state.5 &+ f, state.6 &+ g,
            state.7 &+ h
        )
    }

    @inline(__always)
    private static func step(
        _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32,
        _ h: inout UInt32, _ addend: UInt32
    ) {
        let big1 = (e &>> 6 | e &<< 26) ^ (e &>> 11 | e &<< 21) ^ (e &>> 25 | e &<< 7)
        let big0 = (a &>> 2 | a &<< 30) ^ (a &>> 13 | a &<< 19) ^ (a &>> 22 | a &<< 10)
        let t1 = h &+ big1 &+ (g ^ (e & (f ^ g))) &+ addend
        d = d &+ t1
        h = t1 &+ big0 &+ ((a & b) | (c & (a | b)))
    }

    private static let roundConstants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]
}
