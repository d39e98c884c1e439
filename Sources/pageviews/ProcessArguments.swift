// The command line, and the terminal it was typed at.

internal import Foundation

/// The program's arguments.
enum ProcessArguments {
    /// Without the program's name.
    ///
    /// The runtime finds them beside the environment in memory, and does not when something that was loaded before has moved
    /// that; the kernel still knows them.
    /// - Throws: `Failure` when there is nowhere to read them.
    static func read() throws -> [String] {
        var arguments = CommandLine.arguments
        if arguments.isEmpty { arguments = fromKernel() }
        // Even the program's own name comes from there.
        guard !arguments.isEmpty else {
            throw Failure("cannot read the arguments: /proc is not mounted", exitCode: 2)
        }
        return Array(arguments.dropFirst())
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

/// Where help pages are read.
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
}
