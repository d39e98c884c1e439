// Which SQLite this binary runs with, and the fault that one that is too old has.
// `make` links a pinned one; a build without it runs with whatever shared library the system has.

import CSQLite

/// The version of the linked SQLite, for example "3.53.2".
package var libraryVersion: String { String(cString: sqlite3_libversion()) }

/// The fault of the linked SQLite, in one line for the log; nil when it has none that matters here.
package func libraryWarning() -> String? {
    guard hasWALResetFault(version: sqlite3_libversion_number()) else { return nil }
    return
        "SQLite \(libraryVersion) has the WAL-reset fault (fixed in 3.51.3): two programs that checkpoint at once "
        + "can damage the state; a binary made with `make build` carries a newer one"
}

/// - Parameter version: as `sqlite3_libversion_number` gives it, 3051003 for 3.51.3.
func hasWALResetFault(version: Int32) -> Bool {
    version < 3_051_003
}
