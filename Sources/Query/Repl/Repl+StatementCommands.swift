// Commands about statements: repetition, editing, parameters, files, named queries, history.

import Base
import Glibc
import SQLite

extension Repl {
    static let statementCommands: [Command] = [
        Command(
            ["\\watch", ".watch"], "[SECONDS [TIMES]]", completes: .nothing, "repeat the statement at this interval"
        ) { $0.watch($1.arguments) },
        Command(["\\g"], "run the statement typed so far") { repl, _ in repl.runPending() },
        Command(["\\G", "\\gx"], "run the statement, one value per line") { repl, _ in
            repl.runPending(expanded: true)
        },
        Command(["\\gset"], "[PREFIX]", completes: .nothing, "store the columns of its only row as parameters") {
            $0.storeRow(prefix: $1.firstArgument ?? "")
        },
        Command(
            ["\\param", ".param", ".parameter"], "[NAME [VALUE]]", completes: .nothing,
            "values bound to :NAME"
        ) { $0.parameter($1.arguments) },
        Command(["\\set"], "[NAME [VALUE]]", completes: .nothing, "the same as \\param") { $0.parameter($1.arguments) },
        Command(["\\unset"], "NAME", completes: .nothing, "remove a parameter") { $0.unset($1.firstArgument) },
        Command(["\\e", ".edit"], "", completes: .files, "edit the statement with $EDITOR") { repl, _ in repl.edit() },
        Command(["\\p"], "show the statement typed so far") { repl, _ in repl.showPending() },
        Command(["\\r"], "clear the statement") { repl, _ in repl.clearBuffer() },
        Command(["\\i", ".read"], "FILE", completes: .files, "run a file") { $0.input($1.firstArgument) },
        Command(
            ["\\f", ".f"], "[NAME [PARAM=VALUE ...]]", completes: .queries, "list or run named queries"
        ) { $0.named($1.arguments) },
        Command(["\\fs"], "NAME SQL", completes: .sql { _ in .nothing }, "save a named query") { $0.saveNamed($1) },
        Command(["\\fd"], "NAME", completes: .queries, "delete a named query") { $0.deleteNamed($1.firstArgument) },
        Command(
            ["\\history", ".history", "\\s"], "[N]", completes: .nothing,
            "what you entered; also the table `history`"
        ) { $0.showHistory($1.firstArgument) },
    ]

    /// The statement before the command on the line, without its semicolon.
    func pendingStatement() -> StatementText? {
        guard var statement = StatementSplitter.split(buffer).statements.first else { return nil }
        statement.line += bufferLine - 1
        return statement
    }

    /// Runs the statement before the command on the line. Without one, `expanded` shows the last result again.
    private func runPending(expanded: Bool = false) {
        let pending = pendingStatement()
        buffer = ""
        if let pending {
            remember(pending.text + ";")
            return execute(pending, expanded: expanded)
        }
        guard expanded, let result = lastResult else { return }
        show(result, expanded: true)
    }

    private func showPending() {
        out.write((buffer.isEmpty ? lastStatement ?? "" : buffer).trimmed + "\n")
    }

    // MARK: Watch

    private func watch(_ arguments: [String]) {
        let statement = pendingStatement()?.text ?? lastStatement
        buffer = ""
        guard let statement else { return fail("there is no statement to watch yet") }
        let interval =
            arguments.first.map {
                Quantity.durations.read($0.hasPrefix("i=") ? $0.dropFirst(2) : $0[...], plain: 1000).map(Int.init)
            }
            ?? 2000
        let times =
            arguments.count > 1
            ? Int(arguments[1].hasPrefix("c=") ? String(arguments[1].dropFirst(2)) : arguments[1]) : .max
        guard let interval, interval >= 100, let times, times > 0 else {
            return fail("\\watch takes an interval (at least 0.1 s, such as 500ms) and a count")
        }
        lastStatement = statement
        for round in 1...times {
            guard watchOnce(statement, interval) else { break }
            if round < times { waitMilliseconds(interval) }
            if session.interrupt.isRaised { break }
        }
        guard session.interrupt.isRaised else { return }
        isInteractive ? endInterruptedLine() : fail(.interrupted)
    }

    private func watchOnce(_ statement: String, _ interval: Int) -> Bool {
        do throws(QueryError) {
            let streams = !isInteractive || target != nil
            let (result, summary) = try evaluate(statement, parameters: parameters, streams: streams)
            if summary.columnCount > 0 { lastResult = result }
            if !streams { out.write(watchScreen(result, interval)) }
            flush()
            return mayContinue
        } catch {
            if error != .interrupted {
                fail(error, statement: .init(text: statement, byteOffset: 0, line: lineNumber, isComplete: true))
            }
            return false
        }
    }

    /// The result cut to one screen, without a pager.
    private func watchScreen(_ result: ResultSet, _ interval: Int) -> String {
        let time = UTCText.sortable(milliseconds: wallClock()) ?? ""
        let head = "\(time), every \(ErrorMessage.span(interval)); Ctrl-C ends\n"
        guard let size = terminal.size else {
            return head + presented(result, .init(rows: .max, columns: .max), expanded: false)
        }
        let lines = presented(result, size, expanded: false).split(separator: "\n", omittingEmptySubsequences: false)
        let room = max(1, size.rows - 3)
        let shown = lines.prefix(room).joined(separator: "\n")
        return (options.takesEscapes ? "\u{1B}[H\u{1B}[2J" : "") + head + shown + (lines.count > room ? "\n…\n" : "")
    }

    // MARK: Parameters

    private func storeRow(prefix: String) {
        let isPending = pendingStatement() != nil
        if isPending { runQuietly() } else { buffer = "" }
        guard mayContinue else { return }
        guard let result = lastResult else { return fail("there is no result yet") }
        guard result.rows.count == 1, !result.isTruncated else {
            return fail("\\gset needs exactly one row; the result has \(result.countText)")
        }
        for (name, value) in zip(result.columns, result.rows[0]) { parameters.set(prefix + name, to: value) }
    }

    /// Runs the statement before the command without showing its result.
    func runQuietly() {
        guard let statement = pendingStatement() else { return }
        buffer = ""
        lastStatement = statement.text
        remember(statement.text + ";")
        lastResult = nil
        do throws(QueryError) {
            let (result, summary) = try evaluate(statement.text, parameters: parameters, streams: false)
            if summary.columnCount > 0 { lastResult = result }
        } catch {
            fail(error, statement: statement)
        }
    }

    /// `\param`, `\param NAME VALUE`, and sqlite3's `.param set NAME VALUE`, `list`, `unset NAME`, `clear`.
    private func parameter(_ arguments: [String]) {
        switch arguments.first {
        case nil, "list": showParameters()
        case "clear" where arguments.count == 1: parameters = Parameters()
        case "init" where arguments.count == 1: return
        case "unset" where arguments.count == 2: unset(arguments[1])
        case "set" where arguments.count == 3: setParameter(arguments[1], arguments[2])
        case let name? where arguments.count == 1: showParameter(name)
        case let name?: setParameter(name, arguments.dropFirst().joined(separator: " "))
        }
    }

    private func setParameter(_ name: String, _ text: String) {
        do throws(QueryError) {
            parameters.set(name, to: try Parameters.value(of: text))
        } catch {
            fail(error)
        }
    }

    private func showParameters() {
        for name in parameters.values.keys.sorted() { showParameter(name) }
    }

    private func showParameter(_ name: String) {
        guard let value = parameters.values[Parameters.bareName(name)] else {
            return fail("there is no parameter \(name)")
        }
        out.write(":\(Parameters.bareName(name)) = \(ValueText.visible(Self.literal(value)))\n")
    }

    /// A value as an SQL literal.
    static func literal(_ value: Value) -> String {
        if case .text(let text) = value { return text.quoted(with: "'") }
        return ValueText.plain(value) ?? "NULL"
    }

    private func unset(_ name: String?) {
        guard let name, parameters.remove(name) else {
            return fail("there is no parameter \(name ?? "without a name")")
        }
    }

    // MARK: Files

    private func input(_ path: String?) {
        guard let path else { return fail("\\i needs a file") }
        runFile(Self.expandingHome(path))
    }

    /// Runs a file's statements and commands as if the user had entered them.
    func runFile(_ path: String) {
        guard inputDepth < Self.inputDepthLimit else { return fail("files include one another too deeply, at \(path)") }
        let text: String
        do throws(InputFailure) {
            text = try InputFile.text(of: path, unless: session.interrupt)
        } catch {
            return fail(error.queryError(of: path))
        }
        let saved = (buffer, bufferLine, lineNumber, tracker)
        (buffer, bufferLine, lineNumber, tracker) = ("", 1, 0, OpenTokenTracker())
        inputDepth += 1
        process(TextLines(text))
        inputDepth -= 1
        (buffer, bufferLine, lineNumber, tracker) = saved
        (isSkipping, isInputAbandoned) = (false, isInputAbandoned && inputDepth > 0)
    }

    /// Opens the statement in the user's editor, then runs it if it has a semicolon. The typed text stays when the
    /// editor fails.
    private func edit() {
        let text = buffer.isEmpty ? lastStatement.map { $0 + ";\n" } ?? "" : buffer
        do throws(QueryError) {
            let edited = try edited(text)
            clearBuffer()
            guard !edited.trimmed.isEmpty else { return }
            out.write(edited.hasSuffix("\n") ? edited : edited + "\n")
            take(edited.trimmed)
        } catch {
            fail(error)
        }
    }

    private func edited(_ text: String) throws(QueryError) -> String {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var name = Array("\(folder)/pageviews-XXXXXX.sql".utf8CString)
        let descriptor = mkstemps(&name, 4)
        guard descriptor >= 0 else {
            throw .usage("cannot create a file to edit: \(String(cString: strerror(errno)))")
        }
        let file = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(file) }
        let isWritten = PrivateFile.write(Array(text.utf8), to: descriptor)
        let reason = String(cString: strerror(errno))
        close(descriptor)
        guard isWritten else { throw .usage("cannot write the file to edit: \(reason)") }
        flush()
        let code = terminal.run("\(options.editor ?? "vi") '\(file.escaping { $0 == "'" ? "'\\''" : nil })'")
        session.interrupt.lower()
        guard code == 0 else { throw .usage("the editor failed with \(code)") }
        do throws(InputFailure) {
            return try InputFile.text(of: file, unless: session.interrupt)
        } catch {
            throw error.queryError(of: file)
        }
    }

    // MARK: Names and history

    private func named(_ arguments: [String]) {
        guard let name = arguments.first else {
            let room = max(20, (terminal.size?.columns ?? 120) - 15)
            for query in queries.all {
                let sql = query.sql.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                out.write(
                    "\(query.name.padded(to: 12))\(query.isOwn ? " " : "*")  \(DisplayWidth.shortened(sql, to: room))\n"
                )
            }
            return out.write("(* comes with the program)\n")
        }
        guard let sql = queries[name] else {
            let guess = Vocabulary.nearest(to: name, in: queries.all.map(\.name)).map { ": did you mean \($0)?" }
            return fail("there is no query \(ValueText.visible(name))\(guess ?? " (\\f lists them)")")
        }
        var bound = parameters
        do throws(QueryError) {
            try bound.add(assignments: Array(arguments.dropFirst()))
        } catch {
            return fail(error)
        }
        for statement in StatementSplitter.split(sql).statements where mayContinue { execute(statement, extra: bound) }
    }

    private func saveNamed(_ invocation: Invocation) {
        let name = invocation.firstArgument ?? ""
        let sql = invocation.rest.dropFirst(name.count).trimmed
        let kept = sql.isEmpty ? lastStatement ?? "" : sql
        guard !name.isEmpty, !kept.isEmpty else { return fail("\\fs needs a name and a statement") }
        if !queries.save(name, kept) { fail("the query is kept for this session only: its file cannot be written") }
    }

    private func deleteNamed(_ name: String?) {
        guard let isStored = queries.delete(name ?? "") else { return fail("you have no query of that name") }
        if !isStored { fail("the file of the queries cannot be written") }
    }

    private func showHistory(_ count: String?) {
        guard let limit = count.map({ Int($0) }) ?? 50, limit > 0 else { return fail("\\history takes a number") }
        let entries = history.entries
        for (index, entry) in entries.enumerated().dropFirst(entries.count - min(limit, entries.count)) {
            let number = String(index + 1)
            let text = entry.text.split(separator: "\n", omittingEmptySubsequences: false).map {
                ValueText.visible(String($0))
            }
            let padding = String(repeating: " ", count: max(0, 5 - number.count))
            out.write("\(padding)\(number)  \(text.joined(separator: "\n       "))\n")
        }
    }
}
