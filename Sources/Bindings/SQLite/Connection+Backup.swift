// SQLite's online backup (https://www.sqlite.org/backup.html).

import CSQLite

extension Connection {
    /// Copies the database over that of `destination`. Others may write to this one meanwhile: the copy reads the
    /// snapshot of one read transaction.
    /// - Throws: `SQLiteError` with the message of `destination`.
    package func backUp(to destination: Connection) throws {
        guard let backup = sqlite3_backup_init(destination.handle, "main", handle, "main") else {
            throw SQLiteError(destination.handle, result: sqlite3_errcode(destination.handle))
        }
        // All pages in one step: between steps, a write of another process would restart the copy.
        let stepped = sqlite3_backup_step(backup, -1)
        let finished = sqlite3_backup_finish(backup)
        guard stepped == SQLITE_DONE else {
            throw SQLiteError(destination.handle, result: finished == SQLITE_OK ? stepped : finished)
        }
        try destination.check(finished)
    }
}
