// Reads the process's arguments, and the size of its terminal.

import Foundation
import Glibc
import Query

/// The program's arguments.
enum ProcessArguments {
    /// Reads the arguments, without the program's name.
    ///
    /// The Swift runtime looks for them next to the environment in memory. It finds none when a preloaded library has
    /// moved the environment; then /proc/self/cmdline has them.
    /// - Throws: `Failure` when neither source has them.
    static func read() throws -> [String] {
        var arguments = CommandLine.arguments
        if arguments.isEmpty { arguments = fromKernel() }
        // An empty list is an error, because it should hold at least the program's name.
        guard !arguments.isEmpty else {
            throw Failure("cannot read the arguments: /proc is not mounted", exitCode: 2)
        }
        return Array(arguments.dropFirst())
    }

    /// Refuses arguments and PAGEVIEWS_ variables that are not UTF-8: repairing a file name would name another file.
    /// - Throws: `Failure`.
    static func checkBytes() throws {
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let bytes = CommandLine.unsafeArgv[index], String(validatingCString: bytes) == nil else { continue }
            throw Failure(
                "argument \(index) is not UTF-8: \(String(cString: bytes)); give another name", exitCode: 2)
        }
        var variable = environ
        while let bytes = variable.pointee {
            variable += 1
            let text = String(cString: bytes)
            guard text.hasPrefix("PAGEVIEWS_"), String(validatingCString: bytes) == nil else { continue }
            throw Failure("\(text.prefix { $0 != "=" }) is not UTF-8; give another value", exitCode: 2)
        }
    }

    private static func fromKernel() -> [String] {
        guard let file = FileHandle(forReadingAtPath: "/proc/self/cmdline"), let data = try? file.readToEnd() else {
            return []
        }
        return split(data)
    }

    /// Every argument ends with a NUL.
    static func split(_ data: Data) -> [String] {
        guard data.last == 0 else { return [] }
        return data.dropLast().split(separator: 0, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}

/// The terminal that help pages are read on.
enum Terminal {
    /// Columns: COLUMNS, or those of the terminal on standard output, or 80.
    static func width(_ environment: [String: String]) -> Int {
        if let text = environment["COLUMNS"], let columns = Int(text), columns > 0 {
            return max(40, min(columns, 1000))
        }
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return max(40, Int(size.ws_col))
    }

    /// Whether a descriptor is a terminal that understands escape sequences.
    static func takesEscapes(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1 && Output.takesEscapes(term: ProcessInfo.processInfo.environment["TERM"])
    }
}
