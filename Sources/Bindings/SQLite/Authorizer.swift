// Asks the caller, while SQLite compiles a statement, whether each action of the statement is allowed.

import CSQLite

/// An action of a statement (https://www.sqlite.org/c3ref/c_alter_table.html). Actions that SQLite adds later arrive as
/// `other`; an authorizer should refuse it.
package enum Action: Equatable, Sendable {
    /// A SELECT, at any depth.
    case select
    /// A recursive common table expression.
    case recursive
    /// Reads one column of one table or view.
    case read(table: String, column: String)
    /// Calls a function.
    case function(String)
    /// Runs a PRAGMA, with its argument where it has one.
    case pragma(String, argument: String?)
    /// BEGIN, COMMIT or ROLLBACK.
    case transaction(String)
    /// SAVEPOINT, RELEASE or ROLLBACK TO.
    case savepoint
    /// ATTACH of a file.
    case attach(String)
    /// DETACH of a database.
    case detach
    /// Changes one column of one table. SQLite also asks for this on `sqlite_master`, without changing it, when a
    /// statement uses a table-valued function.
    case update(table: String, column: String)
    /// Any other action, by SQLite's code: a write or a change of the schema.
    case other(code: Int32)

    init(code: Int32, _ first: String?, _ second: String?) {
        switch code {
        case SQLITE_SELECT: self = .select
        case SQLITE_RECURSIVE: self = .recursive
        case SQLITE_READ: self = .read(table: first ?? "", column: second ?? "")
        case SQLITE_FUNCTION: self = .function(second ?? "")
        case SQLITE_PRAGMA: self = .pragma(first ?? "", argument: second)
        case SQLITE_TRANSACTION: self = .transaction(first ?? "")
        case SQLITE_SAVEPOINT: self = .savepoint
        case SQLITE_ATTACH: self = .attach(first ?? "")
        case SQLITE_DETACH: self = .detach
        case SQLITE_UPDATE: self = .update(table: first ?? "", column: second ?? "")
        default: self = .other(code: code)
        }
    }
}

final class AuthorizerBox {
    let allows: (Action) -> Bool
    init(_ allows: @escaping (Action) -> Bool) { self.allows = allows }
}

extension Connection {
    /// Makes every later `prepare` ask `allows` about each action. After a refusal `prepare` throws a `SQLiteError`
    /// with `isDenied`. nil removes the authorizer.
    package func setAuthorizer(_ allows: ((Action) -> Bool)?) {
        authorizer = allows.map(AuthorizerBox.init)
        guard let authorizer else {
            sqlite3_set_authorizer(handle, nil, nil)
            return
        }
        let context = Unmanaged.passUnretained(authorizer).toOpaque()
        sqlite3_set_authorizer(
            handle,
            { context, code, first, second, _, _ in
                guard let context else { return SQLITE_DENY }
                let box = Unmanaged<AuthorizerBox>.fromOpaque(context).takeUnretainedValue()
                let action = Action(
                    code: code, first.map { String(cString: $0) }, second.map { String(cString: $0) })
                return box.allows(action) ? SQLITE_OK : SQLITE_DENY
            }, context)
    }
}
