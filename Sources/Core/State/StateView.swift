// A state that is read: by its one writer (Store), or beside it (StateReader).
//
// Invariant: all SQL of the state's tables is in this target, in one file for each table; nothing outside has the connection.

import SQLite

/// Typed reads of one state.
package class StateView {
    /// The file's path as it was given.
    package let path: String
    let connection: Connection

    init(path: String, connection: Connection) {
        self.path = path
        self.connection = connection
    }
}
