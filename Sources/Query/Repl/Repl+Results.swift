// Commands about results: their format, their destination, and the last result.

import Glibc
import SQLite

extension Repl {
    static let resultCommands: [Command] = [
        Command(
            ["\\format", ".mode"], "[FORMAT]", completes: .formats,
            "table, box, line, csv, tsv, json, jsonl, markdown, html"
        ) { Setting.format.set($1.firstArgument, in: $0) },
        Command(
            ["\\pset"], "[NAME [VALUE]]",
            completes: ArgumentCompletion { $0.first == "format" ? .formats : .words(Setting.allNames.sorted()) },
            "format, null, header, expanded, pager, width, timing"
        ) { $0.printSet($1.arguments) },
        Command(
            ["\\x", ".expanded"], "[on|off|auto]", completes: .words("auto", "off", "on"), "one value per line"
        ) { Setting.expanded.set($1.firstArgument, in: $0) },
        Command(["\\last", ".last"], "the last result again, in full") { repl, _ in repl.showLast() },
        Command(
            ["\\chart", ".chart"], "[bar|line] [LABEL] [VALUE]", completes: .words("bar", "line"), "draw the result"
        ) { $0.chart($1.arguments) },
        Command(
            ["\\copy", ".copy"], "[TABLE|(SELECT ...)] to FILE [FORMAT]",
            completes: .sql { $0.last?.lowercased() == "to" ? .files : .relations }, "write a whole result to a file"
        ) { $0.copy($1.rest) },
        Command(
            ["\\o", ".output"], "[FILE | |COMMAND]", completes: .files,
            "send further results there; without FILE, back here"
        ) { $0.redirect($1, isOnce: false) },
        Command(["\\once", ".once"], "FILE | |COMMAND", completes: .files, "send the next result there") {
            $0.redirect($1, isOnce: true)
        },
        Command(
            ["\\timing", ".timer"], "[on|off]", completes: .words("off", "on"), "show how long each statement took"
        ) { Setting.timing.set($1.firstArgument, in: $0) },
        Command([".headers", "\\headers"], "[on|off]", completes: .words("off", "on"), "the line of column names") {
            Setting.header.set($1.firstArgument, in: $0)
        },
        Command([".nullvalue", "\\null"], "[TEXT]", completes: .nothing, "text shown for NULL") {
            Setting.null.set($1.firstArgument, in: $0)
        },
    ]

    // MARK: The last result

    private func showLast() {
        guard let lastResult else { return fail("there is no result yet") }
        show(lastResult, shortens: false)
    }

    private func chart(_ words: [String]) {
        runQuietly()
        guard mayContinue else { return }
        guard let lastResult else { return fail("there is no result to draw yet") }
        var names = words
        let kind = names.first.flatMap { Chart.Kind(rawValue: $0) }
        if kind != nil { names.removeFirst() }
        let (label, value) = (names.first, names.count > 1 ? names[1] : nil)
        guard let points = Chart.points(lastResult, label: label, value: value) else {
            let columns = lastResult.columns.map(ValueText.visible).joined(separator: ", ")
            return fail("\\chart needs a column of numbers; the last result has \(columns)")
        }
        let size = terminal.size ?? TerminalSize(rows: 24, columns: 80)
        out.write(Chart(points: points, columns: size.columns, rows: size.rows).draw(kind ?? .bar))
    }

    // MARK: Files

    private func redirect(_ invocation: Invocation, isOnce: Bool) {
        closeTarget()
        if invocation.rest.hasPrefix("|") { return feed(invocation.rest.dropFirst().trimmed, isOnce: isOnce) }
        guard let path = invocation.firstArgument, path != "stdout" else { return }
        guard let output = openFile(path) else { return }
        target = ResultTarget(output: output, path: path, isOnce: isOnce)
    }

    /// Sends results to a shell command until the target is closed.
    private func feed(_ command: String, isOnce: Bool) {
        guard !command.isEmpty else { return fail("| needs a command of the shell") }
        flush()
        guard let feed = terminal.feed(command) else { return fail("cannot start \(ValueText.visible(command))") }
        target = ResultTarget(
            output: Output(owning: feed.descriptor), path: "|\(command)", isOnce: isOnce, wait: feed.wait)
    }

    /// Opens a file for results. Replaces an existing one, but never the state.
    func openFile(_ path: String) -> Output? {
        let path = Self.expandingHome(path)
        guard !isState(path) else {
            fail("\(path) is the state; results cannot be written there")
            return nil
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            fail("cannot write \(path): \(String(cString: strerror(errno)))")
            return nil
        }
        return Output(owning: descriptor)
    }

    static func expandingHome(_ path: String) -> String {
        guard path.hasPrefix("~/"), let home = getenv("HOME") else { return path }
        return String(cString: home) + path.dropFirst()
    }

    private func isState(_ path: String) -> Bool {
        var (file, other) = (stat(), stat())
        guard stat(path, &file) == 0 else { return false }
        return ["", "-wal", "-shm", ".lock"].contains { suffix in
            stat(session.statePath + suffix, &other) == 0 && other.st_ino == file.st_ino && other.st_dev == file.st_dev
        }
    }

    /// Closes the file or command that receives results, and waits for the command.
    func closeTarget() {
        guard let target else { return }
        self.target = nil
        do throws(QueryError) {
            try target.output.finish(target.wait == nil ? nil : session.interrupt)
        } catch {
            target.output.discard()
            // A command may stop reading early; that is not an error.
            if target.wait == nil || (error != .outputClosed && error != .interrupted) { fail(error) }
        }
        target.output.close()
        guard let code = target.wait?() else { return }
        if isInteractive { session.interrupt.lower() }
        if code != 0, code != 128 + SIGPIPE { err.write("exit code \(code)\n") }
    }

    func closeTargetAfterUse() {
        if target?.isOnce == true { closeTarget() }
    }

    /// `\copy TABLE to FILE`, `\copy (SELECT ...) to FILE`, `\copy to FILE`, each with an optional format.
    private func copy(_ rest: String) {
        guard let request = CopyRequest(rest) else {
            return fail("\\copy needs [TABLE or (SELECT ...)] to FILE [FORMAT]")
        }
        guard let format = request.format else {
            return fail("there is no format \(ValueText.visible(request.formatName ?? ""))")
        }
        let sql = request.sql ?? pendingStatement()?.text ?? lastStatement
        buffer = ""
        guard let sql else { return fail("there is no statement to copy yet") }
        guard let output = openFile(request.path) else { return }
        write(sql, to: output, format, path: request.path)
    }

    private func write(_ sql: String, to output: Output, _ format: OutputFormat, path: String) {
        let saved = (target, settings.format, settings.expansion)
        (target, settings.format, settings.expansion) = (ResultTarget(output: output, path: path), format, .off)
        defer { (target, settings.format, settings.expansion) = saved }
        do throws(QueryError) {
            let (_, summary) = try evaluate(sql, parameters: parameters, streams: true)
            say("copied \(summary.rowCount) row\(summary.rowCount == 1 ? "" : "s") to \(path)")
        } catch {
            fail(error, statement: StatementText(text: sql, byteOffset: 0, line: lineNumber, isComplete: true))
        }
    }
}

/// The arguments of `\copy`.
struct CopyRequest: Equatable {
    /// The statement; nil means the current one.
    var sql: String?
    var path: String
    var formatName: String?

    init?(_ rest: String) {
        guard let place = Self.firstTo(in: rest) else { return nil }
        let what = String(rest[..<place.lowerBound]).trimmed
        let words = Invocation.words(String(rest[place.upperBound...]))
        guard let path = words.first, words.count <= 2 else { return nil }
        (self.path, formatName) = (path, words.count > 1 ? words[1].lowercased() : nil)
        if what.hasPrefix("("), what.hasSuffix(")") {
            sql = String(what.dropFirst().dropLast())
        } else if !what.isEmpty {
            let isStatement = what.contains(where: \.isWhitespace)
            sql = isStatement ? what : "SELECT * FROM \(what)"
        }
    }

    /// The first `to` outside quotes and parentheses.
    private static func firstTo(in text: String) -> Range<String.Index>? {
        let bytes = Array(text.utf8)
        var depth = 0
        var found: Range<Int>?
        for token in SQLTokens(bytes) {
            let word = bytes[token.range]
            if token.kind == .other { depth += word.first == 0x28 ? 1 : word.first == 0x29 ? -1 : 0 }
            let isTo = token.kind == .word && String(decoding: word, as: UTF8.self).lowercased() == "to"
            if isTo, depth == 0 { found = found ?? token.range }
        }
        return found.map {
            text.utf8.index(
                text.startIndex, offsetBy: $0.lowerBound)..<text.utf8.index(text.startIndex, offsetBy: $0.upperBound)
        }
    }

    /// The named format, else that of the file's extension, else csv; nil for an unknown name.
    var format: OutputFormat? {
        if let formatName { return OutputFormat(rawValue: formatName) }
        let ending = path.split(separator: ".").last.map { $0.lowercased() } ?? ""
        let endings = ["md": OutputFormat.markdown, "ndjson": .jsonl, "htm": .html, "txt": .table]
        return endings[ending] ?? OutputFormat(rawValue: ending) ?? .csv
    }
}
