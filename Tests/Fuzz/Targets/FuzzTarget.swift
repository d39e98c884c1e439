// What the fuzzer runs: for each reader of outside bytes, what must hold whatever the bytes are.
//
// A reader may refuse its input with its own error, and with nothing else. Everything that a target throws is a finding.

/// A reader under test.
struct FuzzTarget: Sendable {
    /// Also the name of its folder of inputs.
    let name: String
    /// Bytes of the longest input.
    let longest: Int
    /// Throws when the reader breaks a promise.
    let check: @Sendable ([UInt8]) throws -> Void

    init(_ name: String, longest: Int, check: @escaping @Sendable ([UInt8]) throws -> Void) {
        (self.name, self.longest, self.check) = (name, longest, check)
    }

    /// Every target, the fast ones first.
    static let all: [FuzzTarget] = [
        .event, .headers, .statement, .quantity, .listen, .s3, .vector, .compression, .layout, .avro, .manifestList,
        .manifest, .parquet, .puffin, .metadata, .catalog, .intent, .body, .settings,
    ]
}

/// A promise that was broken.
struct Finding: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Throws a `Finding` when `holds` is false.
func require(_ holds: Bool, _ words: @autoclosure () -> String) throws {
    guard holds else { throw Finding(words()) }
}

/// What a refusal says must be one line of bounded length.
func requireLine(_ error: any Error) throws { try requireLine("\(error)") }

func requireLine(_ text: String) throws {
    try require(!text.isEmpty && text.utf8.count < 16 << 10, "a message of \(text.utf8.count) bytes")
    try require(!text.contains { $0 == "\n" || $0 == "\r" }, "a message of several lines: \(text.debugDescription)")
}
