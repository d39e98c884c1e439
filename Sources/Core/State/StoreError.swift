// The errors of opening and writing a state. Each message names the file and the remedy.

package import SQLite

/// A state that cannot be opened or written.
package enum StoreError: Error, CustomStringConvertible, Equatable, Sendable {
    /// Another process holds the lock.
    case inUse(path: String, holder: String)
    /// Another process has written since this store was opened.
    case otherWriter(path: String)
    /// A file of the state was removed, moved or replaced since it was opened.
    case filesLost(path: String, lost: String)
    /// The file has hard links.
    case severalNames(path: String)
    /// The state was made from another Kafka cluster.
    case otherCluster(path: String, recorded: String, found: String)
    /// The state was made from another topic.
    case otherTopic(path: String, recorded: String, asked: String)
    /// The state's windows have another length.
    case otherWindow(path: String, recordedMilliseconds: String, askedMilliseconds: String)
    /// The file is a SQLite database of something else.
    case notAState(path: String)
    /// The file was written by a newer version of the program.
    case newerVersion(path: String, version: Int64)
    /// The file was written by an older version of the program, and an opening for reading does not migrate it.
    case olderVersion(path: String, version: Int)
    /// The file is damaged, or was never a SQLite database.
    case unreadable(path: String, reason: String)
    /// Another program holds a lock of the file for too long.
    case locked(path: String)
    /// SQLite refused a read or a write, for example for want of disk or memory.
    case failed(path: String, reason: String)
    /// The file has an impossible value.
    case damaged(path: String, what: String)
    /// The file or its folder cannot be opened or created.
    case cannotOpen(path: String, reason: String)

    /// The error of the state at `path` for an error of SQLite.
    package init(_ error: SQLiteError, path: String) {
        if error.isCorrupt {
            self = .unreadable(path: path, reason: error.message)
        } else if error.isCannotOpen {
            self = .cannotOpen(path: path, reason: error.message)
        } else if error.isBusy {
            self = .locked(path: path)
        } else {
            self = .failed(path: path, reason: error.message)
        }
    }

    /// Runs `body` and turns errors of SQLite into errors of the state at `path`.
    /// - Throws: `StoreError`, and all other errors of `body`.
    package static func explaining<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as SQLiteError {
            throw StoreError(error, path: path)
        }
    }

    /// One line: what failed, on which file, and what to do.
    package var description: String {
        switch self {
        case .inUse(let path, let holder):
            "state \(path) is in use by \(holder); stop that process first, or give another --state"
        case .otherWriter(let path):
            "state \(path) was written by another process since this one opened it, so nothing more is written; "
                + "let only one service have this --state"
        case .filesLost(let path, let lost):
            "\(lost) was removed, moved or replaced while state \(path) was open, so nothing more is written; "
                + "put the files back or run `pageviews restore`, then start again"
        case .severalNames(let path):
            "state \(path) has other names (hard links), and SQLite would keep another log under each of them; "
                + "remove the other names, or make a copy with `pageviews backup`"
        case .otherCluster(let path, let recorded, let found):
            "state \(path) belongs to Kafka cluster \(recorded), but the servers given are cluster \(found); "
                + "point --bootstrap-servers at the first, or start a new --state"
        case .otherTopic(let path, let recorded, let asked):
            "state \(path) belongs to topic \(recorded), not \(asked); give --topic \(recorded), or start a new --state"
        case .otherWindow(let path, let recorded, let asked):
            "state \(path) has windows of \(recorded) ms, not \(asked) ms; give the first as --window, "
                + "or start a new --state"
        case .notAState(let path):
            "\(path) is a SQLite database of another program; give another --state"
        case .newerVersion(let path, let version):
            "state \(path) has format \(version), which is newer than this program; use the newer program"
        case .olderVersion(let path, let version):
            "state \(path) has format \(version), which is older than this program; start `pageviews ingest` on it once"
        case .unreadable(let path, let reason):
            "\(path) is damaged, or not a state (\(reason)); move it away and run `pageviews restore`, or go back to a "
                + "backup; if it belongs to another program, give another --state"
        case .locked(let path):
            "state \(path): another program has locked its file for longer than 5 s; end that program's transaction, "
                + "then start again"
        case .failed(let path, let reason):
            "state \(path): \(reason); nothing is lost, its offsets stay where they were; check the disk, then start again"
        case .damaged(let path, let what):
            "state \(path) is damaged: \(what) is impossible; move it away and run `pageviews restore`, "
                + "or use a backup"
        case .cannotOpen(let path, let reason):
            "state \(path) cannot be opened: \(reason); check that its folder exists and may be written"
        }
    }
}
