// A read-only SQL session over the state file of a running, stopped or not yet started `ingest`.
// No statement can change the state: the file is open read-only, query_only is set, and an authorizer allows only
// actions that are known to be harmless (`secure`). `limits` bound the time and memory of each statement.
// Invariant: between statements the session holds no snapshot, except between `beginSnapshot` and `endSnapshot`: an
// idle session must not prevent a reset of the write-ahead log.

import SQLite

/// The outcome of a statement.
struct RunSummary: Equatable {
    /// Rows passed to the caller.
    var rowCount = 0
    /// The statement has more rows than the limit.
    var isTruncated = false
    /// The number of columns; 0 when the statement has no result.
    var columnCount = 0
}

/// A read-only SQL session.
package final class QuerySession {
    var limits: QueryLimits
    let interrupt: InterruptFlag
    let runGuard: RunGuard
    private let configuration: SessionConfiguration
    private let warn: (String) -> Void
    private let file: StateFile
    private var connection: Connection?
    private var identity: StateFile.Identity?
    private var refusal: String?
    private(set) var holdsSnapshot = false
    private var isChangingTransaction = false
    private var hasWarned = false
    private var history: (() -> String)?
    private var hasBoundedFunctions = false
    private let timeFault = TimeFault()

    /// Opens nothing before the first statement.
    /// - Parameters:
    ///   - configuration: the state file and the limits.
    ///   - warn: called once with one line when there is no state yet.
    package init(_ configuration: SessionConfiguration, warn: @escaping (String) -> Void) {
        (self.configuration, self.warn) = (configuration, warn)
        (limits, interrupt) = (configuration.limits, configuration.interrupt)
        file = StateFile(name: configuration.statePath)
        runGuard = RunGuard(interrupt: configuration.interrupt, now: configuration.monotonicClock)
        if let bytes = limits.memoryBytes { Connection.setMemoryLimit(bytes: Int64(bytes)) }
    }

    /// Provides the user's input as the table `history`.
    /// - Parameter json: an array of `[number, time, statement]`.
    func provideHistory(_ json: @escaping () -> String) {
        history = json
        forgetConnection()
    }

    /// The session reads a state file, not the empty substitute.
    var isOverState: Bool { identity != nil }
    /// The state file's path as given.
    var stateName: String { file.name }
    /// The state file's absolute path.
    var statePath: String { file.path }

    /// Runs one statement to its end, to the row limit, or until `receive` returns false.
    /// - Parameters:
    ///   - text: one statement.
    ///   - parameters: bound by name.
    ///   - begin: called once with the column names, when the statement has columns.
    ///   - receive: called with each row.
    /// - Throws: `QueryError`, also for an error that `begin` or `receive` throws.
    func run(
        _ text: String, parameters: Parameters = Parameters(), begin: ([String]) throws -> Void = { _ in },
        receive: ([Value]) throws -> Bool
    ) throws(QueryError) -> RunSummary {
        runGuard.start(limitMilliseconds: limits.timeoutMilliseconds)
        refusal = nil
        defer {
            assert(
                holdsSnapshot || isChangingTransaction || connection?.isInTransaction != true,
                "no snapshot is held between statements")
        }
        do {
            if text.utf8.contains(0) { throw QueryError.sql(message: "the statement contains a NUL byte", offset: nil) }
            let (statement, columns) = try prepared(text, parameters)
            defer { statement.reset() }
            try parameters.bind(to: statement)
            return try rows(of: statement, columns, begin: begin, receive: receive)
        } catch let error as QueryError {
            throw error
        } catch let error as SQLiteError {
            if let message = timeFault.message { throw .sql(message: message, offset: nil) }
            throw explain(error, text)
        } catch {
            throw .output("\(error)")
        }
    }

    /// The compiled statement, and its columns' names as in the user's text.
    private func prepared(_ text: String, _ parameters: Parameters) throws -> (Statement, [String]) {
        timeFault.message = nil
        let connection = try opened()
        if !hasBoundedFunctions, BoundedFunctions.areNamed(in: text) {
            try BoundedFunctions.define(on: connection)
            hasBoundedFunctions = true
        }
        // Compiled as typed first, so that errors point into the user's text.
        let plain = try connection.prepare(text)
        let columns = (0..<plain.columnCount).map(plain.columnName)
        var statement = plain
        connection.setLimit(.sqlLength, to: Self.markedLimitBytes)
        defer { connection.setLimit(.sqlLength, to: Self.statementLimitBytes) }
        if let marked = TimeMarker.marked(text, parameters), let compiled = try? connection.prepare(marked) {
            statement = compiled
        }
        try refuseNumbers(in: statement, on: connection, parameters)
        return (statement, columns)
    }

    private static let statementLimitBytes: Int32 = 1 << 20
    /// A mark may be three times as long as the literal before it.
    private static let markedLimitBytes: Int32 = 8 << 20

    private func refuseNumbers(in statement: Statement, on connection: Connection, _ parameters: Parameters) throws {
        guard statement.explainKind == 0, statement.columnCount > 0,
            statement.sql.trimmed.prefix(6).uppercased() != "PRAGMA"
        else { return }
        let areCompared = try TimeNumbers.areCompared(by: statement.sql, on: connection) { index in
            let value = statement.parameterName(index).flatMap { parameters.values[Parameters.bareName($0)] }
            return switch value {
            case .integer, .real: true
            default: false
            }
        }
        guard areCompared else { return }
        throw QueryError.sql(
            message: "a time is compared with a number or a blob: \(TimeCollation.remedy)", offset: nil)
    }

    private func rows(
        of statement: Statement, _ names: [String], begin: ([String]) throws -> Void,
        receive: ([Value]) throws -> Bool
    ) throws -> RunSummary {
        let columns = 0..<statement.columnCount
        var summary = RunSummary(columnCount: columns.count)
        if !columns.isEmpty { try begin(names) }
        var row: [Value] = []
        row.reserveCapacity(columns.count)
        while true {
            let hasRow = try statement.step()
            if let message = timeFault.message { throw QueryError.sql(message: message, offset: nil) }
            guard hasRow else { break }
            try runGuard.check()
            if summary.rowCount == limits.maxRows {
                summary.isTruncated = true
                break
            }
            row.removeAll(keepingCapacity: true)
            for column in columns { row.append(statement.value(column)) }
            summary.rowCount += 1
            if try !receive(row) { break }
        }
        return summary
    }

    private func explain(_ error: SQLiteError, _ text: String) -> QueryError {
        if error.isInterrupt { return runGuard.failure }
        if error.isDenied || error.isReadOnly || refusal != nil {
            return .refused(what: Self.writingVerb(of: text) ?? refusal ?? "this statement")
        }
        if error.isLimit { return .limit(limitMessage(error)) }
        if error.isCorrupt {
            return .state(
                "cannot read the state \(file.name): \(error.message); it is damaged: move it away and run "
                    + "`pageviews restore`, or go back to a backup")
        }
        if error.isCannotOpen {
            return .state("cannot read the state \(file.name): \(error.message)")
        }
        return .sql(message: error.message, offset: error.offset)
    }

    private func limitMessage(_ error: SQLiteError) -> String {
        guard let bytes = limits.memoryBytes, error.message == "out of memory" else { return error.message }
        return "out of memory: the statement needs more than \(bytes >> 20) MiB (--memory-limit)"
    }

    /// The first word of a statement, unless it is one that only reads.
    static func writingVerb(of text: String) -> String? {
        let word = text.prefix { $0.isLetter }.uppercased()
        return ["SELECT", "WITH", "EXPLAIN", "VALUES", "PRAGMA", ""].contains(word) ? nil : word
    }
}

// MARK: Opening

extension QuerySession {
    /// A connection to the file that is at the path now.
    private func opened() throws -> Connection {
        if let connection, holdsSnapshot { return connection }
        let found = try file.identity()
        if let connection, identity != nil, identity == found { return connection }
        connection = nil
        identity = found
        let fresh = try identity == nil ? emptyDatabase() : openState()
        try secure(fresh)
        connection = fresh
        return fresh
    }

    private func openState() throws -> Connection {
        let connection = try file.open()
        guard try connection.integer("PRAGMA schema_version") != 0 else {
            identity = nil
            return try emptyDatabase()
        }
        return connection
    }

    /// An empty database with the same views.
    private func emptyDatabase() throws -> Connection {
        if !hasWarned {
            hasWarned = true
            warn("there is no state at \(file.name) yet: showing empty tables (start `pageviews ingest`)")
        }
        let connection = try Connection(path: "", mode: .memory)
        try connection.execute(configuration.emptySchema)
        return connection
    }

    private func secure(_ connection: Connection) throws {
        hasBoundedFunctions = false
        if let history { try SessionFunctions.defineHistory(on: connection, history) }
        try SessionFunctions.define(on: connection, wallClock: configuration.wallClock)
        try TimeCollation.define(on: connection, fault: timeFault)
        try TimeViews.define(on: connection)
        for (which, on) in [
            (Switch.defensive, true), (.trustedSchema, false), (.loadExtension, false),
            (.fts3Tokenizer, false), (.noCheckpointOnClose, true),
        ] {
            try connection.set(which, on)
        }
        try connection.execute("PRAGMA query_only = 1")
        connection.setLimit(.attached, to: 0)
        connection.setLimit(.length, to: Int32(clamping: limits.valueBytes))
        connection.setLimit(.sqlLength, to: Self.statementLimitBytes)
        connection.setLimit(.expressionDepth, to: 200)
        connection.setLimit(.compoundSelect, to: 100)
        connection.setLimit(.workerThreads, to: 0)
        connection.setLimit(StatementLimit.columns, to: 500)
        connection.setLimit(StatementLimit.instructions, to: 250_000)
        connection.setLimit(StatementLimit.likePattern, to: 256)
        let (runGuard, timeFault) = (runGuard, timeFault)
        connection.setProgressHandler(every: 1000) { timeFault.message == nil && runGuard.mayContinue }
        connection.setAuthorizer { [weak self] action in self?.allows(action) ?? false }
    }

    private func allows(_ action: Action) -> Bool {
        let what = ReadOnlyPolicy.refusal(of: action, allowsTransactions: isChangingTransaction)
        if let what { refusal = refusal ?? what }
        return what == nil
    }
}

// MARK: Snapshots

extension QuerySession {
    /// Makes every statement until `endSnapshot` see the state as it is now. The write-ahead log cannot be reset
    /// meanwhile, so the caller sets a deadline.
    /// - Throws: `QueryError`; the session then holds no snapshot.
    func beginSnapshot() throws(QueryError) {
        try transaction("BEGIN")
        // Set before the read, which must use the connection that has begun.
        holdsSnapshot = true
        do throws(QueryError) {
            // BEGIN alone does not read; the first read takes the snapshot.
            _ = try run("SELECT count(*) FROM sqlite_schema") { _ in true }
        } catch {
            holdsSnapshot = false
            forgetConnection()
            throw error
        }
    }

    /// Makes later statements see live data again.
    func endSnapshot() {
        do throws(QueryError) {
            try transaction("ROLLBACK")
        } catch {
            // Closing the connection ends the transaction too.
            forgetConnection()
        }
        holdsSnapshot = false
    }

    private func forgetConnection() {
        connection = nil
        identity = nil
    }

    private func transaction(_ verb: String) throws(QueryError) {
        isChangingTransaction = true
        defer { isChangingTransaction = false }
        _ = try run(verb) { _ in true }
    }
}
