// Opens the state file so that reading it can change nothing, and notices when another file has taken its place.
// Invariants: the file is opened read-only and query_only; a reader never checkpoints, also not when it is the last to
// close; nothing is ever created at the state's path.

import Glibc
import SQLite

/// The state file as the file system knows it.
struct StateFile: Equatable {
    /// As it was given; what people are shown.
    let name: String
    /// Absolute, so that the session stays with its state when the working folder changes.
    let path: String

    init(name: String) {
        self.name = name
        let folder = name.hasPrefix("/") ? nil : getcwd(nil, 0)
        path = folder.map { String(cString: $0) + "/" + name } ?? name
        free(folder)
    }

    /// Which file is at the path; differs when it was replaced.
    struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64
    }

    /// nil when there is no file, or an empty one that has just been created.
    /// - Throws: `QueryError.state` where it cannot be known, as in a folder that may not be entered.
    func identity() throws -> Identity? {
        var info = stat()
        guard stat(path, &info) == 0 else {
            guard errno != ENOENT else { return nil }
            throw QueryError.state("cannot read the state \(name): \(String(cString: strerror(errno)))")
        }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw QueryError.state("cannot read the state \(name): it is no regular file")
        }
        guard info.st_size > 0 else { return nil }
        return Identity(device: UInt64(info.st_dev), inode: UInt64(info.st_ino))
    }

    /// Opens the file read-only.
    /// - Throws: `SQLiteError`.
    func open() throws -> Connection {
        do {
            return try openShared()
        } catch let error as SQLiteError where error.isCannotOpen && !hasLog {
            // The folder is not ours to write, so no -shm can be made; without a log nobody is writing either.
            return try Connection(immutablePath: path)
        }
    }

    private var hasLog: Bool { access(path + "-wal", F_OK) == 0 }

    private func openShared() throws -> Connection {
        let connection = try Connection(path: path, mode: .readOnly)
        try connection.setBusyTimeout(milliseconds: 5000)
        try connection.set(.noCheckpointOnClose, true)
        _ = try connection.integer("PRAGMA schema_version")
        return connection
    }
}
