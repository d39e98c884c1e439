// SQLite's online backup (https://www.sqlite.org/backup.html).

import CSQLite

extension Connection {
    /// Copies the database, as it is at one moment, over that of `destination`. Others may go on writing to this one: pages
    /// are read from the snapshot of the read transaction that the copy holds.
    /// - Throws: `SQLiteError`, naming the destination's fault where it is the destination's.
    package func backUp(to destination: Connection) throws {
        guard let backup = sqlite3_backup_init(destination.handle, "main", handle, "main") else {
            throw SQLiteError(destination.handle, result: sqlite3_errcode(destination.handle))
        }
        // All pages in one step: in several, every write of another process would make it begin again.
        let stepped = sqlite3_backup_step(backup, -1)
        let finished = sqlite3_backup_finish(backup)
        guard stepped == SQLITE_DONE else {
            throw SQLiteError(destination.handle, result: finished == SQLITE_OK ? stepped : finished)
        }
        try destination.check(finished)
    }
}
