// Errors of a statement, one case per reaction of the caller.

import SQLite

/// The reason why a statement returned no result, or only part of it.
enum QueryError: Error, Equatable {
    /// The statement is invalid or failed. The offset of the fault is in bytes of the statement's text.
    case sql(message: String, offset: Int?)
    /// The statement would change something; `what` names the refused action.
    case refused(what: String)
    /// Wrong usage: a parameter without a value, or an invalid option.
    case usage(String)
    /// The deadline has passed; `milliseconds` is the time allowed.
    case deadline(milliseconds: Int)
    /// The user interrupted the statement.
    case interrupted
    /// A memory or size limit was reached.
    case limit(String)
    /// The state file cannot be read.
    case state(String)
    /// The reader closed the output.
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
