// Names of database files as SQLite must be given them. SQLite reads some names as something else than a file: a URI
// (`file:`, where the library was built or configured so), a private database (`:memory:`, the empty name). None of these
// begins with a slash.

import CSQLite
import Glibc

/// Names of database files.
enum FileName {
    /// The absolute name of the same file; `..` and links are left as they are.
    /// - Throws: `SQLiteError` when there is no such name: it is empty, holds a NUL, or the working folder has none.
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
