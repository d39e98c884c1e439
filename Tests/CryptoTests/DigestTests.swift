// SHA-256, HMAC-SHA-256 and MD5 against the published examples and Python's hashlib and hmac.

import Foundation
import TestSupport
import Testing

@testable import Crypto

func hex(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }

@Suite("Digests")
struct DigestTests {
    @Test(
        "SHA-256 gives FIPS 180-4's examples",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func sha256(text: String, digest: String) throws {
        #expect(hex(try SHA256.hash(Array(text.utf8))) == digest)
        var hash = try SHA256()
        try hash.update(Array(text.utf8))
        #expect(hex(try hash.finalize()) == digest)
    }

    @Test("SHA-256 of a million a's is the published one")
    func million() throws {
        var hash = try SHA256()
        let chunk = [UInt8](repeating: 0x61, count: 1000)
        for _ in 0..<1000 { try hash.update(chunk) }
        #expect(hex(try hash.finalize()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("SHA-256 does not depend on how the bytes are cut")
    func cuts() throws {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for length in 0...300 {
            let whole = try SHA256.hash(Array(bytes[..<length]))
            for cut in stride(from: 0, through: length, by: 37) {
                var hash = try SHA256()
                try hash.update(Array(bytes[..<cut]))
                try hash.update(Array(bytes[cut..<length]))
                #expect(try hash.finalize() == whole)
            }
        }
    }

    @Test(
        "MD5 gives RFC 1321's examples",
        arguments: [
            ("", "d41d8cd98f00b204e9800998ecf8427e"), ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a"
            ),
        ])
    func md5(text: String, digest: String) throws {
        #expect(hex(try MD5.hash(Array(text.utf8))) == digest)
    }

    /// RFC 4231, cases 1 to 4, 6 and 7: key and data in hexadecimal.
    @Test(
        "HMAC-SHA-256 gives RFC 4231's examples",
        arguments: [
            (
                String(repeating: "0b", count: 20), "4869205468657265",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                String(repeating: "aa", count: 20), String(repeating: "dd", count: 50),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
            ),
            (
                "0102030405060708090a0b0c0d0e0f10111213141516171819", String(repeating: "cd", count: 50),
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
            ),
            (
                String(repeating: "aa", count: 131),
                hex(Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            (
                String(repeating: "aa", count: 131),
                hex(
                    Array(
                        ("This is a test using a larger than block-size key and a larger than block-size data. "
                            + "The key needs to be hashed before being used by the HMAC algorithm.").utf8)),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
            ),
        ])
    func hmac(key: String, data: String, code: String) throws {
        #expect(hex(try HMACSHA256.authenticate(bytes(data), key: bytes(key))) == code)
    }

    @Test("an error is one line and leaves no error behind")
    func errors() {
        let error = CryptoError("MD5")
        #expect(
            error.description
                == "MD5 failed in libcrypto: no reason given (OpenSSL's settings on this machine may forbid it)")
    }

    private func bytes(_ hex: String) -> [UInt8] {
        stride(from: 0, to: hex.utf8.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
    }
}

@Suite("Digests beside Python's")
struct PythonDigestTests {
    @Test("any length of message and key gives what hashlib and hmac give")
    func differential() throws {
        var random = SeededRandom(seed: testSeed(for: "digests beside Python's"))
        var inputs = [([], []), ([0], []), ([], [0])] as [([UInt8], [UInt8])]
        for length in [1, 55, 56, 63, 64, 65, 119, 128, 4096] {
            inputs.append((some(length, &random), some(length, &random)))
        }
        for _ in 0..<100 { inputs.append((some(random.below(3000), &random), some(random.below(200), &random))) }
        let lines = inputs.map { "\(hex($0.0)),\(hex($0.1))\n" }.joined()
        let expected = try python(lines).split(separator: "\n").map(String.init)
        try #require(expected.count == inputs.count)
        for (input, line) in zip(inputs, expected) {
            let found = [
                try SHA256.hash(input.0), try MD5.hash(input.0), try HMACSHA256.authenticate(input.0, key: input.1),
            ].map { hex($0) }.joined(separator: " ")
            #expect(found == line, "seed \(random.seed): message \(input.0.count) bytes, key \(input.1.count)")
        }
    }

    private func some(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    /// A line of digests for each line of `MESSAGE,KEY` in hexadecimal.
    private func python(_ lines: String) throws -> String {
        let folder = try TemporaryFolder()
        let input = folder.file("input")
        try Data(lines.utf8).write(to: URL(fileURLWithPath: input))
        let script = """
            import hashlib, hmac, sys
            for line in open(sys.argv[1]):
                m, k = (bytes.fromhex(x) for x in line.rstrip('\\n').split(','))
                print(hashlib.sha256(m).hexdigest(), hashlib.md5(m).hexdigest(), hmac.new(k, m, 'sha256').hexdigest())
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script, input]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return String(decoding: data, as: UTF8.self)
    }
}
