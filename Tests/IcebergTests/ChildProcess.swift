// A child process whose lines are read as they come; ended with its standard input.
import Foundation

final class ChildProcess {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var buffered: [UInt8] = []

    init(_ executable: String, _ arguments: [String]) throws {
        process.executableURL = URL(filePath: executable)
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        do { try process.run() } catch {
            throw PythonLake.Failed(description: "\(executable) does not start: \(error)")
        }
    }

    deinit { try? input.fileHandleForWriting.close() }

    /// The next line of its standard output.
    func line() throws -> String {
        while true {
            if let end = buffered.firstIndex(of: 0x0A) {
                let line = String(decoding: buffered[..<end], as: UTF8.self)
                buffered.removeFirst(end + 1)
                return line
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw PythonLake.Failed(description: "the process ended") }
            buffered += more
        }
    }
}
