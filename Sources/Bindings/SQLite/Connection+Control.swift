// Control of a connection: limits, switches, a progress handler, checkpoints, memory.

import CSQLite

/// Called at intervals while a statement runs; false ends the statement.
final class ProgressHandler {
    let mayContinue: () -> Bool
    init(_ mayContinue: @escaping () -> Bool) { self.mayContinue = mayContinue }
}

/// The number of pages in the write-ahead log that SQLite reported after the last commit.
final class WALPages {
    var count = 0
}

/// A switch of sqlite3_db_config (https://www.sqlite.org/c3ref/c_dbconfig_defensive.html).
package enum Switch: Sendable {
    /// Forbids statements that can corrupt the file (writable_schema, writes to shadow tables).
    case defensive
    /// Lets the schema call functions that are not marked innocuous.
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

/// The mode of a checkpoint (https://www.sqlite.org/c3ref/wal_checkpoint_v2.html).
package enum CheckpointMode: Sendable {
    /// Copies as many frames as possible without waiting for readers or writers.
    case passive
    /// Waits for readers and writers within the busy timeout, then also truncates the WAL file.
    case truncate
}

extension Connection {
    /// Sets how long a call waits for another connection's lock, in milliseconds; 0 or less: not at all.
    /// - Throws: `SQLiteError`.
    package func setBusyTimeout(milliseconds: Int32) throws {
        try check(sqlite3_busy_timeout(handle, milliseconds))
    }

    /// Turns a switch on or off.
    /// - Throws: `SQLiteError`.
    package func set(_ which: Switch, _ on: Bool) throws {
        try check(pv_sqlite3_db_config_flag(handle, which.option, on ? 1 : 0))
    }

    /// Sets a limit, at most SQLite's compile-time maximum. A negative value leaves it unchanged.
    package func setLimit(_ limit: Limit, to value: Int32) {
        sqlite3_limit(handle, limit.option, value)
    }

    /// Calls `mayContinue` about every `instructions` instructions of SQLite's virtual machine. On false the statement
    /// fails with a `SQLiteError` with `isInterrupt`. nil removes the handler.
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
    /// - Returns: the number of frames in the log, and of those already in the database file; both -1 outside WAL mode.
    /// - Throws: `SQLiteError`, with `isBusy` when readers outlast the busy timeout of `truncate`.
    @discardableResult
    package func checkpoint(_ mode: CheckpointMode) throws -> (logFrames: Int, checkpointedFrames: Int) {
        var log: Int32 = 0
        var done: Int32 = 0
        let flag = mode == .passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE
        try check(sqlite3_wal_checkpoint_v2(handle, nil, flag, &log, &done))
        return (Int(log), Int(done))
    }

    /// Records the pages of the write-ahead log in `walPages` after each commit. Turns automatic checkpoints off.
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
    /// Call it before the process opens its first connection: SQLite enforces the cap only with memory statistics, and
    /// the pinned library, built without them, can turn them on only then.
    /// - Returns: whether SQLite enforces the cap.
    @discardableResult
    package static func setMemoryLimit(bytes: Int64) -> Bool {
        keepMemoryStatistics()
        sqlite3_hard_heap_limit64(bytes)
        guard let probe = sqlite3_malloc64(64) else { return true }
        defer { sqlite3_free(probe) }
        return sqlite3_memory_used() > 0
    }

    /// Has no effect after SQLite's first use in the process.
    static func keepMemoryStatistics() {
        _ = pv_sqlite3_keep_memory_statistics()
    }
}
