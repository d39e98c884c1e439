// Scripts/lake.py as a child process: pyarrow writes, duckdb and pyiceberg read. The interpreter is the one of
// PAGEVIEWS_TEST_PYTHON, or the repository's own `.venv`; a missing one fails the test.
import Avro
import Foundation

/// One Python process; commands are answered one after the other.
final class PythonLake {
    struct Failed: Error, CustomStringConvertible { let description: String }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var buffered: [UInt8] = []

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()

    static var interpreter: String {
        ProcessInfo.processInfo.environment["PAGEVIEWS_TEST_PYTHON"]
            ?? folder.appending(path: "../../.venv/bin/python").standardizedFileURL.path
    }

    init() throws {
        process.executableURL = URL(filePath: Self.interpreter)
        process.arguments = [Self.folder.appending(path: "Scripts/lake.py").path]
        process.standardInput = input
        process.standardOutput = output
        do { try process.run() } catch {
            throw Failed(description: "\(Self.interpreter) does not start (run `make setup`): \(error)")
        }
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Runs a command of the script and gives its answer.
    @discardableResult
    func call(_ command: String, _ arguments: JSON...) throws -> JSON { try call(command, arguments) }

    /// The same, with a list of arguments.
    @discardableResult
    func call(_ command: String, _ arguments: [JSON]) throws -> JSON {
        let line = try JSON.array([.string(command)] + arguments).text()
        try input.fileHandleForWriting.write(contentsOf: Data(line + [0x0A]))
        let answer = try JSON(parsing: readLine())
        if let error = answer["error"]?.string { throw Failed(description: "\(command): \(error)") }
        return answer["ok"] ?? .null
    }

    private func readLine() throws -> [UInt8] {
        while true {
            if let end = buffered.firstIndex(of: 0x0A) {
                let line = [UInt8](buffered[..<end])
                buffered.removeFirst(end + 1)
                return line
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Failed(description: "lake.py ended") }
            buffered += more
        }
    }
}
