// Opens the state file read-only, and detects that the file was replaced.
// A reader never checkpoints, not even as the last one to close (`noCheckpointOnClose`), and never creates a file at
// the state's path.

import Glibc
import SQLite

/// The state file's name, path and identity.
struct StateFile: Equatable {
    /// The path as given, for messages.
    let name: String
    /// The absolute path, which a change of the working directory does not affect.
    let path: String

    init(name: String) {
        self.name = name
        let folder = name.hasPrefix("/") ? nil : getcwd(nil, 0)
        path = folder.map { String(cString: $0) + "/" + name } ?? name
        free(folder)
    }

    /// The identity of the file at the path, which changes when the file is replaced.
    struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64
    }

    /// The identity of the file now; nil when there is none, or an empty one that was just created.
    /// - Throws: `QueryError.state` when the file cannot be examined, as in a directory without search permission.
    func identity() throws -> Identity? {
        var info = stat()
        guard stat(path, &info) == 0 else {
            guard errno != ENOENT else { return nil }
            throw QueryError.state("cannot read the state \(name): \(String(cString: strerror(errno)))")
        }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw QueryError.state("cannot read the state \(name): it is not a regular file")
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
            // The directory is not writable, so SQLite cannot create -shm. Without a log there is no writer.
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
