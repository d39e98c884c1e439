// Runs a Python script with readers that are not ours: the interpreter named by PAGEVIEWS_TEST_PYTHON, or the
// repository's own `.venv`. A missing interpreter fails the test that needs it.
import Foundation

/// A script beside the tests.
struct PythonScript {
    struct Failed: Error, CustomStringConvertible { let description: String }

    let path: String

    /// A script at a path relative to this folder.
    init(_ relative: String) {
        path = Self.folder.appending(path: relative).path
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()

    private static var interpreter: String {
        ProcessInfo.processInfo.environment["PAGEVIEWS_TEST_PYTHON"]
            ?? folder.appending(path: "../../.venv/bin/python").standardizedFileURL.path
    }

    /// The script's standard output; a status other than 0 is an error with all it printed.
    @discardableResult
    func run(_ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: Self.interpreter)
        process.arguments = [path] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        do { try process.run() } catch {
            throw Failed(description: "\(Self.interpreter) does not start (run `make setup`): \(error)")
        }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failed(description: "\(path) \(arguments): status \(process.terminationStatus)\n\(text)")
        }
        return text
    }
}

/// A folder of its own, removed with it.
final class ScratchFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "lake-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes a file and gives its path.
    func write(_ bytes: [UInt8], as name: String) throws -> String {
        let file = url.appending(path: name)
        try Data(bytes).write(to: file)
        return file.path
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
