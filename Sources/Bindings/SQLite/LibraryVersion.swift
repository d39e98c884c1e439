// The version of the linked SQLite, and a warning about a fault of old versions.
// `make` links a pinned SQLite; a build without it uses the system's shared library.

import CSQLite

/// The version of the linked SQLite, for example "3.53.2".
package var libraryVersion: String { String(cString: sqlite3_libversion()) }

/// A warning about the linked SQLite's WAL-reset fault, one line for the log; nil when it does not have the fault.
package func libraryWarning() -> String? {
    guard hasWALResetFault(version: sqlite3_libversion_number()) else { return nil }
    return
        "SQLite \(libraryVersion) has the WAL-reset fault (fixed in 3.51.3): two programs that checkpoint at once "
        + "can damage the state; a binary made with `make build` carries a newer one"
}

/// - Parameter version: as of `sqlite3_libversion_number`: 3051003 for 3.51.3.
func hasWALResetFault(version: Int32) -> Bool {
    version < 3_051_003
}
