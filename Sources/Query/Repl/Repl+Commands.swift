// Dispatch of commands, and the commands about the session.

import Base
import Glibc
import SQLite

extension Repl {
    static let sessionCommands: [Command] = [
        Command(["\\?", ".help", "\\h", "\\help"], "[COMMAND]", completes: .commands, "this help", words: ["help"]) {
            $0.help($1.firstArgument)
        },
        Command(["\\q", ".quit", ".exit", "\\quit"], "end the session, as Ctrl-D does", words: ["exit", "quit"]) {
            repl, _ in repl.isDone = true
        },
        Command(["\\conninfo", ".databases"], "the state, its size, the limits") { repl, _ in repl.showConnection() },
        Command([".show", "\\show"], "the settings") { repl, _ in repl.showSettings() },
        Command(
            ["\\begin", ".begin"], "[DURATION]", completes: .nothing,
            "hold a snapshot of the data for at most this time (60s)"
        ) { $0.beginSnapshot($1.firstArgument) },
        Command(["\\end", ".end"], "release the snapshot") { repl, _ in repl.endSnapshot() },
        Command(["\\echo", ".print"], "TEXT", completes: .nothing, "write text") {
            $0.results.write($1.arguments.joined(separator: " ") + "\n")
        },
        Command(["\\cd", ".cd"], "[FOLDER]", completes: .files, "change the working folder") {
            $0.changeDirectory($1.firstArgument)
        },
        Command(["\\!", ".shell", ".system"], "COMMAND", completes: .nothing, "run a shell command") {
            // After `\!` a semicolon at the end belongs to the shell, as in psql.
            $0.runShell($1.name == "\\!" ? $1.typedRest : $1.rest)
        },
    ]

    /// Runs a command. `buffer` still holds the statement before it on the line.
    func perform(_ invocation: Invocation?) {
        guard let invocation else { return fail("a command is a word after \\ or .") }
        guard let command = Command.named(invocation.name) else { return failUnknown(invocation.name) }
        command.perform(self, invocation)
    }

    private func failUnknown(_ name: String) {
        let guess = Vocabulary.nearest(to: name, in: Command.allNames).map { ": did you mean \($0)?" }
        fail("there is no command \(ValueText.visible(name))\(guess ?? " (\\? lists them)")")
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
        if isInteractive { session.interrupt.lower() }
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

    // MARK: Snapshots

    private func beginSnapshot(_ duration: String?) {
        guard let milliseconds = Quantity.durations.read(duration ?? "60s", plain: 1000).map(Int.init),
            milliseconds <= 3_600_000
        else {
            return fail("\\begin takes a duration of at most 1h, such as 30s or 5m")
        }
        guard !session.holdsSnapshot else { return fail("a snapshot is held already; \\end releases it") }
        do throws(QueryError) {
            try session.beginSnapshot()
            snapshotEnd = MonotonicClock.milliseconds() + milliseconds
            if isInteractive {
                out.write("holding a snapshot for \(ErrorMessage.span(milliseconds)); \\end releases it\n")
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
    /// The text padded with spaces on the right.
    func padded(to columns: Int) -> String {
        self + String(repeating: " ", count: max(0, columns - DisplayWidth.of(self)))
    }
}
