// The prompt: reads lines, cuts them into statements and commands, and runs each.
// An interactive prompt ends with Ctrl-D or `\q`, when its output is lost, or on SIGTERM or SIGHUP. Ctrl-C discards a
// line or ends a statement.
// Invariant: between statements the session holds no snapshot except that of `\begin`, which has a deadline.

import Glibc
import LineEditor
import SQLite

/// A session of SQL and commands, interactive or from a script.
package final class Repl {
    /// The maximum size of a statement, in bytes.
    static let statementLimitBytes = 1 << 20
    /// The maximum nesting of files that include files.
    static let inputDepthLimit = 16
    /// The number of rows that an interactive session without `--max-rows` reads.
    static let shownRows = 10_000

    let session: QuerySession
    let options: ReplOptions
    let out: Output
    let err: Output
    let terminal: any Terminal
    let domain: any DomainCommands
    let history: History
    let queries: NamedQueries
    let wallClock: () -> Int64
    let waitMilliseconds: (Int) -> Void

    var settings: ReplSettings
    var parameters = Parameters()
    /// The statement that is being typed.
    var buffer = ""
    /// The open token at the end of `buffer`: a string, a comment, or none.
    var tracker = OpenTokenTracker()
    /// The statement is too long: input is skipped up to its end, and `buffer` is a placeholder for it.
    var isSkipping = false
    /// The rest of the file being read must not run.
    var isInputAbandoned = false
    /// The line of the source on which `buffer` starts.
    var bufferLine = 1
    var lineNumber = 0
    var lastResult: ResultSet?
    var lastStatement: String?
    /// The destination of results instead of standard output.
    var target: ResultTarget?
    var source: any LineSource
    var inputDepth = 0
    var isDone = false
    /// Ctrl-C interrupted the last input; the rest of it does not run.
    var isInterrupted = false
    var exitCode: Int32 = 0
    var snapshotEnd: Int?
    /// A failed write of the output was reported.
    private var hasLostOutput = false
    var cachedSchema: Schema?

    /// A prompt on the process's standard streams.
    package convenience init(
        session: QuerySession, options: ReplOptions, domain: any DomainCommands, wallClock: @escaping () -> Int64
    ) {
        let interrupt = session.interrupt
        let isInteractive = options.script == nil && isatty(0) == 1 && isatty(1) == 1
        let editor = isInteractive ? LineEditor() : nil
        let source: any LineSource =
            if let script = options.script {
                TextLines(script)
            } else if let editor {
                EditorLines(editor: editor, interrupt: interrupt)
            } else {
                DescriptorLines(descriptor: 0, interrupt: interrupt)
            }
        self.init(
            session: session, options: options, source: source, out: Output(descriptor: 1), err: Output(descriptor: 2),
            terminal: SystemTerminal(), domain: domain, wallClock: wallClock,
            waitMilliseconds: { ProcessSignals.wait(milliseconds: $0, unless: interrupt) })
        editor?.limitHistory(to: History.entryLimit)
        for entry in history.entries { editor?.remember(entry.text) }
        editor?.complete = { [unowned self] line, start, word in completions(line: line, start: start, word: word) }
    }

    init(
        session: QuerySession, options: ReplOptions, source: any LineSource, out: Output, err: Output,
        terminal: any Terminal, domain: any DomainCommands, wallClock: @escaping () -> Int64,
        waitMilliseconds: @escaping (Int) -> Void
    ) {
        (self.session, self.options, self.source, self.out, self.err) = (session, options, source, out, err)
        (self.terminal, self.domain, self.wallClock) = (terminal, domain, wallClock)
        self.waitMilliseconds = waitMilliseconds
        // Scripts do not add to the user's history.
        history = History(path: source.isInteractive ? options.historyPath : nil)
        queries = NamedQueries(path: options.queriesPath)
        settings = ReplSettings(format: options.format ?? (out.isTerminal || source.isInteractive ? .table : .tsv))
        (settings.showsHeader, settings.null, settings.usesPager) = (
            options.showsHeader, options.null, options.usesPager
        )
        session.provideHistory { [unowned history] in history.json }
    }

    /// Runs until the user or the script ends.
    /// - Returns: 0, or for a script the exit code of its first error: 1, or 3 for a deadline or an interrupt.
    package func run() -> Int32 {
        do throws(QueryError) {
            parameters = try Parameters(assignments: options.parameters)
        } catch {
            err.write(ErrorMessage().text(error, statement: ""))
            try? err.finish()
            return error.exitCode
        }
        if source.isInteractive { greet() }
        process(source)
        closeTarget()
        flush()
        return exitCode
    }

    private func greet() {
        if let path = options.startupPath, access(path, R_OK) == 0 { runFile(path) }
        out.write("\(session.stateName), read-only\n\\? for help, \\q to leave\n")
        flush()
    }

    /// Reads lines until the source ends.
    func process(_ lines: any LineSource) {
        while !isDone, !isInputAbandoned || lines.isInteractive {
            precondition(!session.holdsSnapshot || snapshotEnd != nil, "a snapshot has a deadline")
            flush()
            if lines.isInteractive, isInterrupted { lowerInterrupt() }
            if session.interrupt.isRaisedForGood { return fail(.interrupted) }
            switch lines.next(prompt: lines.isInteractive ? prompt : "", idle: { releaseExpiredSnapshot() }) {
            case .line(let line): take(line)
            case .interrupted where lines.isInteractive:
                clearBuffer()
                lowerInterrupt()
            case .interrupted: fail(.interrupted)
            case .end:
                if lines.isInteractive { out.write("\n") }
                return finishScript(lines)
            }
        }
    }

    /// Lowers an interrupt that has ended its statement. An interrupt between two lines stays raised, so that it clears
    /// the next line.
    private func lowerInterrupt() {
        session.interrupt.lower()
        isInterrupted = false
    }

    /// The last statement of a script needs no semicolon.
    private func finishScript(_ lines: any LineSource) {
        defer { clearBuffer() }
        guard !lines.isInteractive, !isDone, !isSkipping else { return }
        if let failure = lines.failure { return abandon(failure) }
        for statement in StatementSplitter.split(buffer).statements where !isDone { execute(statement) }
    }

    /// Writes all buffered output, results before messages.
    func flush() {
        do throws(QueryError) {
            try out.finish(session.interrupt)
            try err.finish()
        } catch {
            out.discard()
            if error == .interrupted, isInteractive, !session.interrupt.isRaisedForGood { return endInterruptedLine() }
            isDone = true
            exitCode = error.exitCode
            guard case .output = error, !hasLostOutput else { return }
            hasLostOutput = true
            err.write(ErrorMessage().text(error, statement: ""))
            try? err.finish()
        }
    }

    /// Ends the line on which the terminal has shown ^C.
    func endInterruptedLine() {
        isInterrupted = true
        session.interrupt.lower()
        out.write("\n")
        try? out.finish()
    }

    // MARK: Lines

    var prompt: String {
        if buffer.isEmpty { return session.holdsSnapshot ? "pageviews*> " : "pageviews> " }
        return switch tracker.openToken {
        case .string: "        '> "
        case .quotedName: "       \"> "
        case .comment: "       /*> "
        default: "      ...> "
        }
    }

    /// Handles one input. A pasted text has several lines.
    func take(_ text: String) {
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) where mayContinue {
            lineNumber += 1
            takeLine(String(Substring(line)))
        }
    }

    private func takeLine(_ line: String) {
        if isSkipping { return skip(line) }
        if buffer.isEmpty {
            tracker = OpenTokenTracker()
            bufferLine = lineNumber
            if let invocation = Invocation(line) {
                remember(line.trimmed)
                return perform(invocation)
            }
            if let invocation = Command.invocation(ofWord: line.trimmed) { return perform(invocation) }
        }
        buffer += (buffer.isEmpty ? "" : "\n") + line
        let content = tracker.take(line)
        if buffer.utf8.count > Self.statementLimitBytes { return skipStatement(endsHere: content.endsStatement) }
        guard content.mayEnd || isBlank else { return }
        runBuffer()
        tracker = OpenTokenTracker(after: buffer)
    }

    /// Skips the statement in `buffer`, which is too long. Its rest must not run: a line of a long text could be a
    /// command.
    private func skipStatement(endsHere: Bool) {
        isSkipping = !endsHere
        buffer = tracker.placeholder.isEmpty ? " " : tracker.placeholder
        if endsHere { clearBuffer() }
        abandon(.limit("the statement is longer than \(Self.statementLimitBytes >> 20) MiB: it is skipped to its end"))
    }

    private func skip(_ line: String) {
        if tracker.take(line).endsStatement { return clearBuffer() }
        buffer = tracker.placeholder.isEmpty ? " " : tracker.placeholder
    }

    /// Discards the statement being typed.
    func clearBuffer() {
        (buffer, isSkipping, tracker) = ("", false, OpenTokenTracker())
    }

    /// Reports an error that ends a script regardless of its options: the following text may be part of a statement.
    private func abandon(_ error: QueryError) {
        fail(error)
        isInputAbandoned = true
        if !isInteractive { isDone = true }
    }

    /// Only white space and comments so far.
    private var isBlank: Bool { buffer.utf8.count < 4096 && StatementSplitter.split(buffer).isBlank }

    /// Runs the complete statements, and the command after them.
    private func runBuffer() {
        guard let (sql, command) = InputLine.trailingCommand(in: buffer) else { return runCompleteStatements() }
        buffer = sql
        runCompleteStatements()
        if mayContinue {
            remember(command.trimmed)
            perform(Invocation(command))
        }
    }

    private func runCompleteStatements() {
        let split = StatementSplitter.split(buffer)
        let text = Array(buffer.utf8)
        let firstLine = bufferLine
        let rest = String(decoding: text[split.completeEnd...], as: UTF8.self)
        bufferLine += text[..<split.completeEnd].count { $0 == 0x0A }
        buffer = StatementSplitter.split(rest).isBlank ? "" : rest
        for var statement in split.statements where statement.isComplete && mayContinue {
            statement.line += firstLine - 1
            remember(statement.text + ";")
            if let invocation = Command.invocation(ofStatement: statement.text) {
                perform(invocation)
            } else {
                execute(statement)
            }
        }
    }

    func remember(_ entry: String) {
        guard source.isInteractive, inputDepth == 0 else { return }
        history.add(entry, at: wallClock())
        source.remember(entry)
    }

    // MARK: Errors

    /// Reports an error; a script ends with it.
    func fail(_ error: QueryError, statement: StatementText? = nil) {
        // A closed output is not an error: its reader has read enough.
        guard error != .outputClosed || source.isInteractive else { return isDone = true }
        var message = ErrorMessage(terminalColumns: terminal.size?.columns ?? 80)
        if !isInteractive { message.firstLine = statement?.line }
        if case .sql = error { message.vocabulary = (cachedSchema ?? session.schema()).vocabulary }
        flush()
        // Reports a lost output once; the target of \o is another output.
        if case .output = error, target == nil {
            guard !hasLostOutput else { return endScript(code: 1) }
            hasLostOutput = true
        }
        // The terminal has shown ^C where the cursor was.
        let start = error == .interrupted && isInteractive ? "\n" : ""
        let text = start + message.text(error, statement: statement?.text ?? "")
        err.write(isRed ? "\u{1B}[31m\(text)\u{1B}[0m" : text)
        if case .refused = error {
            err.write("to keep a result use \\copy or \\o, to keep a query \\fs\n")
        }
        if error == .interrupted { isInterrupted = true }
        endScript(code: error.exitCode == 3 ? 3 : 1)
    }

    /// Whether the rest of the input may run.
    var mayContinue: Bool { !isDone && !isInterrupted }

    /// Reports wrong usage of a command.
    func fail(_ message: String) { fail(.usage(message)) }

    func endScript(code: Int32) {
        guard !isInteractive || session.interrupt.isRaisedForGood else { return }
        if exitCode == 0 { exitCode = code }
        if !options.keepsGoing || code == 3 { isDone = true }
    }

    /// Whether a person types the input; no error of a statement ends an interactive session.
    var isInteractive: Bool { source.isInteractive }

    private var isRed: Bool { options.usesColour && err.isTerminal }

    // MARK: Snapshots

    /// Releases a snapshot past its deadline.
    func releaseExpiredSnapshot() {
        guard let end = snapshotEnd, MonotonicClock.milliseconds() >= end else { return }
        snapshotEnd = nil
        session.endSnapshot()
    }
}

extension SplitText {
    /// The text has only white space and complete comments.
    var isBlank: Bool { statements.isEmpty && openToken == nil }
}
