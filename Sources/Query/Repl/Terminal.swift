// The terminal of the prompt: its size, and programs that run on it.

import Glibc

/// The size of a terminal in characters.
struct TerminalSize: Equatable {
    var rows: Int
    var columns: Int
}

/// The terminal that the prompt runs on.
protocol Terminal {
    /// The current size; nil when the output is not a terminal.
    var size: TerminalSize? { get }
    /// Shows text with a program that reads it from standard input.
    /// - Returns: false when the program does not start, so that nothing was shown.
    func page(_ text: String, with command: String) -> Bool
    /// Runs a shell command on the terminal.
    /// - Returns: its exit code, or 128 and the signal that ended it.
    func run(_ command: String) -> Int32
    /// Starts a shell command that reads from the descriptor. The caller closes the descriptor, then waits for the exit
    /// code.
    /// - Returns: nil when the command does not start.
    func feed(_ command: String) -> (descriptor: Int32, wait: () -> Int32)?
}

/// The process's terminal.
struct SystemTerminal: Terminal {
    var size: TerminalSize? {
        var size = winsize()
        guard isatty(1) == 1, ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return nil
        }
        return TerminalSize(rows: Int(size.ws_row), columns: Int(size.ws_col))
    }

    func page(_ text: String, with command: String) -> Bool {
        guard let (descriptor, wait) = feed(command) else { return false }
        // A pager that the user quits early closes the pipe; that is not an error.
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            rest = rest.dropFirst(count)
        }
        close(descriptor)
        // The shell's exit codes for a command that is not executable or not found.
        return ![126, 127].contains(wait())
    }

    func feed(_ command: String) -> (descriptor: Int32, wait: () -> Int32)? {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let child = spawn(command, standardInput: ends[0])
        close(ends[0])
        guard let child else {
            close(ends[1])
            return nil
        }
        return (ends[1], { wait(for: child) })
    }

    func run(_ command: String) -> Int32 {
        guard let child = spawn(command, standardInput: nil) else { return 127 }
        return wait(for: child)
    }

    private func spawn(_ command: String, standardInput: Int32?) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        if let standardInput { posix_spawn_file_actions_adddup2(&actions, standardInput, 0) }
        // The child gets the default actions of these signals.
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGINT, SIGPIPE, SIGQUIT, SIGTERM] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var child = pid_t()
        let words = ["/bin/sh", "-c", command]
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        defer { arguments.forEach { free($0) } }
        return posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments + [nil], environ) == 0 ? child : nil
    }

    private func wait(for child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 { if errno != EINTR { return 127 } }
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}
