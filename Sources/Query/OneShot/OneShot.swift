// `pageviews query`: runs statements in order, writes results and messages to separate outputs, and returns an exit
// code. It stops at the first error. It writes rows of streaming formats as they arrive; tables wait for the widths of
// their first rows (`TableRenderer.measuredRows`).

import SQLite

/// Runs statements without a prompt.
package struct OneShot {
    private let session: QuerySession
    private let out: Output
    private let err: Output
    private let waitMilliseconds: (Int) -> Void
    private let takesEscapes: Bool

    /// - Parameters:
    ///   - session: the session that runs the statements.
    ///   - out: receives the results.
    ///   - err: receives the messages.
    ///   - takesEscapes: the terminal of `out`, if any, understands escape sequences.
    ///   - waitMilliseconds: waits for this time, or until the session's interrupt flag is raised.
    package init(
        session: QuerySession, out: Output, err: Output, takesEscapes: Bool = true,
        waitMilliseconds: @escaping (Int) -> Void
    ) {
        (self.session, self.out, self.err, self.waitMilliseconds) = (session, out, err, waitMilliseconds)
        self.takesEscapes = takesEscapes
    }

    /// Runs the statements of `options`.
    /// - Returns: the exit code: 0 success, 1 a statement failed, 2 wrong usage or no statement, 3 deadline or
    ///   interrupt. When the reader closes the output, the run ends with 0.
    package func run(_ options: OneShotOptions) -> Int32 {
        var failure: QueryError?
        do throws(QueryError) {
            let plan = try Plan(options, isTerminal: out.isTerminal)
            try repeatedly(plan, everyMilliseconds: options.watchMilliseconds)
        } catch {
            failure = error
        }
        if let failure, !Self.wasReported(failure) { err.write(ErrorMessage().text(failure, statement: "")) }
        do throws(QueryError) {
            try err.finish()
        } catch {
            failure = failure ?? error
        }
        return failure?.exitCode ?? 0
    }

    /// Whether `once` has reported the error, with the statement's text.
    private static func wasReported(_ failure: QueryError) -> Bool {
        switch failure {
        case .usage: false
        default: true
        }
    }

    private func repeatedly(_ plan: Plan, everyMilliseconds interval: Int?) throws(QueryError) {
        repeat {
            if interval != nil, out.isTerminal, takesEscapes { out.write("\u{1B}[H\u{1B}[2J") }
            try once(plan)
            guard let interval else { return }
            waitMilliseconds(interval)
        } while !session.interrupt.isRaised
        throw .interrupted
    }

    private func once(_ plan: Plan) throws(QueryError) {
        for statement in plan.statements {
            do throws(QueryError) {
                try run(statement, plan)
            } catch {
                report(error, statement)
                throw error
            }
        }
    }

    private func run(_ statement: StatementText, _ plan: Plan) throws(QueryError) {
        var renderer = plan.format.renderer(plan.style)
        var rowCount = 0
        let summary: RunSummary
        do throws(QueryError) {
            summary = try session.run(statement.text, parameters: plan.parameters) { columns in
                renderer.begin(columns, to: out)
            } receive: { row in
                renderer.row(row, to: out)
                rowCount += 1
                try out.pass(session.runGuard)
                return true
            }
        } catch {
            // Shows the rows received so far. A JSON array stays open, so that a reader notices that it is incomplete.
            if rowCount > 0, plan.format != .json { renderer.end(to: out) }
            throw error
        }
        if summary.columnCount > 0 { renderer.end(to: out) }
        try out.finish(session.interrupt)
        if summary.isTruncated { err.write("stopped after \(summary.rowCount) rows (--max-rows)\n") }
    }

    private func report(_ error: QueryError, _ statement: StatementText) {
        try? out.finish(session.interrupt)
        if case .usage = error { return }
        var message = ErrorMessage(firstLine: statement.line)
        if case .sql = error { message.vocabulary = session.schema().vocabulary }
        err.write(message.text(error, statement: statement.text))
    }
}

/// Validated options.
private struct Plan {
    let statements: [StatementText]
    let format: OutputFormat
    let style: RenderStyle
    let parameters: Parameters

    init(_ options: OneShotOptions, isTerminal: Bool) throws(QueryError) {
        let split = StatementSplitter.split(options.sql)
        guard !split.statements.isEmpty else {
            throw .usage("there is no statement: give one as an argument, with --file, or on standard input")
        }
        statements = split.statements
        format = options.format ?? (isTerminal ? .table : .tsv)
        style = RenderStyle(showsHeader: options.showsHeader, null: options.null)
        parameters = try Parameters(assignments: options.parameters)
        try Self.checkAllAreUsed(parameters, statements)
        if let interval = options.watchMilliseconds, interval < 50 {
            throw .usage("--watch must be 50ms or more")
        }
    }

    /// Rejects a parameter that no statement has: it is probably misspelt.
    private static func checkAllAreUsed(_ parameters: Parameters, _ statements: [StatementText]) throws(QueryError) {
        let used = statements.reduce(into: Set<String>()) { $0.formUnion(Parameters.names(in: $1.text)) }
        guard let unused = parameters.values.keys.sorted().first(where: { !used.contains($0) }) else { return }
        let guess = Vocabulary.nearest(to: unused, in: used.sorted()).map { "; did you mean \($0)?" } ?? ""
        throw .usage("no statement has a parameter :\(unused)\(guess)")
    }
}
