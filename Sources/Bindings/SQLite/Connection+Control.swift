// What bounds and guards a connection: limits, switches, deadlines, an authorizer, interruption, checkpoints.

import CSQLite

/// Called now and then while a statement runs; the statement is ended when it answers false.
final class ProgressHandler {
    let mayContinue: () -> Bool
    init(_ mayContinue: @escaping () -> Bool) { self.mayContinue = mayContinue }
}

/// What the hook after a commit was told.
final class WALPages {
    var count = 0
}

/// Ends the running statement of a connection from any thread.
/// The connection must outlive it.
package struct Interrupter: @unchecked Sendable {
    private let handle: OpaquePointer
    init(_ handle: OpaquePointer) { self.handle = handle }

    /// Ends whatever statement is running; it fails with `SQLiteError.isInterrupt`. Nothing happens when none is.
    package func interrupt() { sqlite3_interrupt(handle) }
}

/// A switch of sqlite3_db_config.
package enum Switch: Sendable {
    /// Forbids statements that can damage the file (writable_schema, writes to shadow tables).
    case defensive
    /// Lets functions in the schema be called though they are not marked innocuous.
    case trustedSchema
    /// fts3_tokenizer() with two arguments.
    case fts3Tokenizer
    /// load_extension(), both as a C call and as SQL.
    case loadExtension
    /// No checkpoint when the last connection closes.
    case noCheckpointOnClose

    var option: Int32 {
        switch self {
        case .defensive: SQLITE_DBCONFIG_DEFENSIVE
        case .trustedSchema: SQLITE_DBCONFIG_TRUSTED_SCHEMA
        case .fts3Tokenizer: SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER
        case .loadExtension: SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION
        case .noCheckpointOnClose: SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE
        }
    }
}

/// A run-time limit of a connection (https://www.sqlite.org/limits.html).
package enum Limit: Sendable {
    /// Bytes of a string, blob or row.
    case length
    /// Bytes of a statement's text.
    case sqlLength
    /// Databases attached at the same time.
    case attached
    /// Depth of an expression's parse tree.
    case expressionDepth
    /// Terms in a compound SELECT.
    case compoundSelect
    /// Worker threads that one statement may start.
    case workerThreads

    var option: Int32 {
        switch self {
        case .length: SQLITE_LIMIT_LENGTH
        case .sqlLength: SQLITE_LIMIT_SQL_LENGTH
        case .attached: SQLITE_LIMIT_ATTACHED
        case .expressionDepth: SQLITE_LIMIT_EXPR_DEPTH
        case .compoundSelect: SQLITE_LIMIT_COMPOUND_SELECT
        case .workerThreads: SQLITE_LIMIT_WORKER_THREADS
        }
    }
}

/// How far a checkpoint goes (https://www.sqlite.org/c3ref/wal_checkpoint_v2.html).
package enum CheckpointMode: Sendable {
    /// As many frames as possible without waiting for anyone.
    case passive
    /// Waits for readers, then also truncates the WAL file.
    case truncate
}

extension Connection {
    /// How long a call waits for another connection's lock, in milliseconds.
    /// - Throws: `SQLiteError`.
    package func setBusyTimeout(milliseconds: Int32) throws {
        try check(sqlite3_busy_timeout(handle, milliseconds))
    }

    /// Turns a switch on or off.
    /// - Throws: `SQLiteError`.
    package func set(_ which: Switch, _ on: Bool) throws {
        try check(pv_sqlite3_db_config_flag(handle, which.option, on ? 1 : 0))
    }

    /// Lowers a limit; SQLite's compile-time maximum stays the upper bound.
    package func setLimit(_ limit: Limit, to value: Int32) {
        sqlite3_limit(handle, limit.option, value)
    }

    /// A handle that other threads may use to end the running statement.
    package var interrupter: Interrupter { Interrupter(handle) }

    /// Calls `mayContinue` about every `instructions` virtual machine steps; false ends the statement with
    /// `SQLiteError.isInterrupt`. nil removes the handler.
    package func setProgressHandler(every instructions: Int32, _ mayContinue: (() -> Bool)?) {
        progress = mayContinue.map(ProgressHandler.init)
        guard let progress else { return sqlite3_progress_handler(handle, 0, nil, nil) }
        let context = Unmanaged.passUnretained(progress).toOpaque()
        sqlite3_progress_handler(
            handle, instructions,
            { context in
                guard let context else { return 0 }
                return Unmanaged<ProgressHandler>.fromOpaque(context).takeUnretainedValue().mayContinue() ? 0 : 1
            }, context)
    }

    /// Copies frames of the write-ahead log into the database file.
    /// - Returns: frames in the log, and how many of them are now in the file; both -1 when not in WAL mode.
    /// - Throws: `SQLiteError`; `isBusy` when `truncate` could not wait for the readers.
    @discardableResult
    package func checkpoint(_ mode: CheckpointMode) throws -> (logFrames: Int, checkpointedFrames: Int) {
        var log: Int32 = 0
        var done: Int32 = 0
        let flag = mode == .passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE
        try check(sqlite3_wal_checkpoint_v2(handle, nil, flag, &log, &done))
        return (Int(log), Int(done))
    }

    /// Counts the pages of the write-ahead log after each commit in `walPages`. Replaces automatic checkpoints.
    package func countWALPages() {
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                guard let context else { return SQLITE_OK }
                Unmanaged<WALPages>.fromOpaque(context).takeUnretainedValue().count = Int(pages)
                return SQLITE_OK
            }, Unmanaged.passUnretained(wal).toOpaque())
    }

    /// The pages in the write-ahead log after the last commit of this connection; 0 before `countWALPages`.
    package var walPages: Int { wal.count }

    /// Keeps the -wal and -shm files when the last connection closes, so that readers without write permission on the
    /// folder can still open the database.
    /// - Throws: `SQLiteError`.
    package func keepWAL() throws {
        var on: Int32 = 1
        try check(sqlite3_file_control(handle, nil, SQLITE_FCNTL_PERSIST_WAL, &on))
    }

    /// Caps the memory of all SQLite connections of the process, in bytes; 0 removes the cap.
    ///
    /// To be called before the process opens its first connection: a library built without memory statistics, as the
    /// pinned one is, can turn them on only then, and without them SQLite does not keep to the cap.
    /// - Returns: whether the cap is in force.
    @discardableResult
    package static func setMemoryLimit(bytes: Int64) -> Bool {
        keepMemoryStatistics()
        sqlite3_hard_heap_limit64(bytes)
        guard let probe = sqlite3_malloc64(64) else { return true }
        defer { sqlite3_free(probe) }
        return sqlite3_memory_used() > 0
    }

    /// Refused by SQLite after its first use; then what was set before stays.
    static func keepMemoryStatistics() {
        _ = pv_sqlite3_keep_memory_statistics()
    }
}
