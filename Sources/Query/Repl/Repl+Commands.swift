// Sends each command to what does it.

import Base
import Glibc
import SQLite

extension Repl {
    /// Does what a command says. `buffer` still holds the statement before it on the line.
    func perform(_ command: CommandLine?) {
        guard let command else { return fail("a command is a word after \\ or .") }
        guard let known = Command.named(command.name) else { return failUnknown(command.name) }
        switch known.group {
        case .pipeline: performPipeline(known.action, command)
        case .schema: performSchema(known.action, command)
        case .results: performResults(known.action, command)
        case .statements: performStatements(known.action, command)
        case .session: performSession(known.action, command)
        }
    }

    private func failUnknown(_ name: String) {
        let guess = Vocabulary.nearest(to: name, in: Command.allNames).map { ": did you mean \($0)?" }
        fail("there is no command \(ValueText.visible(name))\(guess ?? " (\\? lists them)")")
    }

    private func performSession(_ action: CommandAction, _ command: CommandLine) {
        switch action {
        case .quit: isDone = true
        case .help: help(command.arguments.first)
        case .conninfo: showConnection()
        case .show: showSettings()
        case .begin: beginSnapshot(command.arguments.first)
        case .end: endSnapshot()
        case .echo: (target?.output ?? out).write(command.arguments.joined(separator: " ") + "\n")
        case .directory: changeDirectory(command.arguments.first)
        default: runShell(command.rest)
        }
    }

    private func help(_ name: String?) {
        let columns = terminal.size?.columns ?? 80
        guard let name else {
            let text = Command.helpText(columns: columns)
            let isLong = text.utf8.count { $0 == 0x0A } >= terminal.size?.rows ?? .max
            guard isLong, settings.usesPager, out.isTerminal else { return out.write(text) }
            return page(text)
        }
        let names = name.first == "\\" || name.first == "." ? [name] : ["\\" + name, "." + name]
        guard let command = names.compactMap(Command.named).first else { return failUnknown(names[0]) }
        out.write(command.helpLine(columns: columns))
        if command.names.count > 2 { out.write("  also \(command.names.dropFirst(2).joined(separator: " "))\n") }
    }

    private func changeDirectory(_ path: String?) {
        let folder = path ?? getenv("HOME").map { String(cString: $0) } ?? "/"
        if chdir(folder) != 0 { fail("cannot go to \(folder): \(String(cString: strerror(errno)))") }
    }

    private func runShell(_ command: String) {
        guard !command.isEmpty else { return fail("\\! needs a command") }
        flush()
        let code = terminal.run(command)
        if isTalking { session.interrupt.lower() }
        if code != 0 { err.write("exit code \(code)\n") }
    }

    // MARK: About the session

    private func showConnection() {
        var info = stat()
        let lines: [(String, String)] = [
            ("state", session.stateName),
            ("file", stat(session.statePath, &info) == 0 ? "\(info.st_size) bytes" : "not there yet: tables are empty"),
            ("log", stat(session.statePath + "-wal", &info) == 0 ? "\(info.st_size) bytes" : "none"),
            ("access", "read-only; nothing typed here can change the state"),
            ("snapshot", snapshotText),
            ("timeout", session.limits.timeoutMilliseconds.map(ErrorMessage.span) ?? "none"),
            ("rows", session.limits.maxRows.map { "at most \($0)" } ?? "\(Self.shownRows) shown, all copied"),
            ("memory", session.limits.memoryBytes.map { "\($0 >> 20) MiB" } ?? "no limit"),
            ("SQLite", SQLite.libraryVersion),
        ]
        for (name, text) in lines { out.write("\(name.padded(to: 9))\(text)\n") }
    }

    private var snapshotText: String {
        guard let end = snapshotEnd else { return "none: each statement sees the newest counts" }
        return "held for another \(max(0, end - MonotonicClock.milliseconds()) / 1000) s"
    }

    func showSettings() {
        let lines: [(String, String)] = [
            ("format", settings.format.rawValue), ("expanded", settings.expansion.rawValue),
            ("header", settings.showsHeader ? "on" : "off"), ("null", settings.null ?? settings.format.defaultNull),
            ("pager", settings.usesPager ? "on" : "off"),
            ("width", settings.maxCellColumns.map(String.init) ?? "off"),
            ("timing", settings.showsTiming ? "on" : "off"), ("output", target?.path ?? "here"),
        ]
        for (name, text) in lines { out.write("\(name.padded(to: 9))\(text)\n") }
    }

    // MARK: Snapshots

    private func beginSnapshot(_ duration: String?) {
        guard let milliseconds = Quantity.durations.read(duration ?? "60s", plain: 1000).map(Int.init),
            milliseconds <= 3_600_000
        else {
            return fail("\\begin takes a duration of at most 1h, such as 30s or 5m")
        }
        guard !session.holdsSnapshot else { return fail("a snapshot is held already; \\end lets it go") }
        do throws(QueryError) {
            try session.beginSnapshot()
            snapshotEnd = MonotonicClock.milliseconds() + milliseconds
            if isTalking {
                out.write("holding the data as it is now for \(ErrorMessage.span(milliseconds)); \\end lets it go\n")
            }
        } catch {
            fail(error)
        }
    }

    private func endSnapshot() {
        guard session.holdsSnapshot else { return fail("no snapshot is held") }
        snapshotEnd = nil
        session.endSnapshot()
    }
}

extension String {
    /// Filled with spaces on the right.
    func padded(to columns: Int) -> String {
        self + String(repeating: " ", count: max(0, columns - DisplayWidth.of(self)))
    }
}
