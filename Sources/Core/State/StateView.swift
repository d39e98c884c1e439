// The typed reads that the writer (`Store`) and the readers (`StateReader`, `StateCopy`) of a state share.
//
// All SQL on the state's tables is in this target, in one file per table. `connection` is internal, so other targets
// cannot run SQL through it.

import SQLite

/// The typed reads of one state.
package class StateView {
    /// The state's path as it was given.
    package let path: String
    let connection: Connection

    init(path: String, connection: Connection) {
        self.path = path
        self.connection = connection
    }
}
