// Absolute names of database files. SQLite does not take every name as a file: `file:` may start a URI (depending on
// the library's build), and `:memory:` and the empty name are private databases. None of these begins with a slash.

import CSQLite
import Glibc

/// Names of database files.
enum FileName {
    /// The absolute name of the same file; `..` and links are not resolved.
    /// - Throws: `SQLiteError` when the path is empty or contains a NUL, or the working folder was removed.
    static func absolute(_ path: String) throws -> String {
        guard !path.isEmpty else { throw SQLiteError(code: SQLITE_CANTOPEN, message: "the file name is empty") }
        guard !path.utf8.contains(0) else {
            throw SQLiteError(code: SQLITE_CANTOPEN, message: "the file name contains a NUL byte")
        }
        if path.hasPrefix("/") { return path }
        guard let folder = getcwd(nil, 0) else {
            let reason = String(cString: strerror(errno))
            throw SQLiteError(code: SQLITE_CANTOPEN, message: "the working folder has no name: \(reason)")
        }
        defer { free(folder) }
        return String(cString: folder) + "/" + path
    }
}
