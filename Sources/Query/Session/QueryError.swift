// Errors of a statement, one case per reaction of the caller.

import SQLite

/// Why a statement gave no answer, or not the whole of it.
enum QueryError: Error, Equatable {
    /// The statement is wrong or failed. The offset is in bytes of the statement's text.
    case sql(message: String, offset: Int?)
    /// It would change something; `what` names the refused action.
    case refused(what: String)
    /// It was used wrongly: a parameter without a value, an option that does not fit.
    case usage(String)
    /// The deadline has passed; `milliseconds` is how long it was given.
    case deadline(milliseconds: Int)
    /// The user has interrupted it.
    case interrupted
    /// A memory or size limit was reached.
    case limit(String)
    /// The state file cannot be read.
    case state(String)
    /// Nobody reads the output any more.
    case outputClosed
    /// The output could not be written.
    case output(String)

    /// The process's exit code (design of the command line: 1 failed, 2 usage, 3 deadline or interrupt).
    var exitCode: Int32 {
        switch self {
        case .sql, .refused, .limit, .state, .output: 1
        case .usage: 2
        case .deadline, .interrupted: 3
        case .outputClosed: 0
        }
    }
}
