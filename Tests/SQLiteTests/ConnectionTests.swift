// The binding against SQLite itself: what errors carry, what bounds hold, what crosses threads.

import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SQLite

@Suite("SQLite binding")
struct ConnectionTests {
    func memory() throws -> Connection { try Connection(path: "", mode: .memory) }

    func error(_ body: () throws -> Void) -> SQLiteError? {
        do {
            try body()
            return nil
        } catch {
            return error as? SQLiteError
        }
    }

    /// Runs for ever unless something ends it.
    static let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    @Test(
        "an error in a statement's text has its byte offset",
        arguments: [
            ("SELECT nope", 7), ("SELECT 1 FROM nope", nil), ("SELEC 1", 0), ("SELECT 'é', nope", 13),
            ("SELECT 1 +", nil),
            ("SELECT (1", nil), ("SELECT f(1)", 7), ("SELECT 1 FROM sqlite_schema WHERE nope = 1", 34),
            ("SELECT 'abc", 7),
        ] as [(String, Int?)])
    func offsets(sql: String, offset: Int?) throws {
        let connection = try memory()
        let found = try #require(error { _ = try connection.prepare(sql) })
        #expect(found.code == 1)
        #expect(found.offset == offset, "\(found.message)")
        #expect(found.sql == sql)
        #expect(!found.message.isEmpty)
    }

    @Test("an error of a later statement does not carry the offset of an earlier one")
    func staleOffset() throws {
        let connection = try memory()
        try connection.execute("CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)")
        #expect(error { _ = try connection.prepare("SELECT nope") }?.offset == 7)
        let found = error { try connection.prepare("INSERT INTO t VALUES (1)").run() }
        #expect(found?.offset == nil)
        #expect(found?.code == 19)
        #expect(found?.extendedCode == 2067)
        #expect(found?.message == "UNIQUE constraint failed: t.a")
    }

    @Test("an offset lies in the text that the error carries, in a later statement of several too")
    func offsetOfSeveral() throws {
        let connection = try memory()
        let sql = "SELECT 1; SELECT nope"
        let found = try #require(error { try connection.execute(sql) })
        #expect(found.offset == nil || found.offset == 17)
    }

    @Test("the text is compiled one statement at a time, up to its tail")
    func tails() throws {
        let connection = try memory()
        let texts: [(String, Int, Bool)] = [
            ("SELECT 1", 8, true), ("SELECT 1;", 9, true), ("SELECT 1; SELECT 2", 9, true), ("SELECT 'é'; x", 12, true),
            ("", 0, false), ("  \n", 3, false), (";", 1, false), ("-- nothing", 10, false),
            ("/* a */ ; SELECT 1", 18, true),
            ("SELECT ';' ; no sql at all", 12, true),
        ]
        for (sql, tail, isStatement) in texts {
            let (statement, found) = try connection.prepareFirst(of: sql)
            #expect((statement != nil) == isStatement, "\(sql)")
            #expect(found == tail, "\(sql)")
        }
        for sql in ["", " ", "-- nothing"] { #expect(error { _ = try connection.prepare(sql) } != nil, "\(sql)") }
    }

    @Test("every kind of value goes in and comes out unchanged")
    func values() throws {
        let connection = try memory()
        let values: [Value] = [
            .null, .integer(0), .integer(Int64.min), .integer(Int64.max), .real(0.1), .real(-1e300), .text(""),
            .text("é😀"),
            .text("a\0b"), .blob([]), .blob([0, 255]),
        ]
        let statement = try connection.prepare("SELECT ?1, typeof(?1)", persistent: true)
        for value in values {
            try statement.bind(value, at: 1)
            #expect(try statement.step())
            #expect(statement.value(0) == value)
            statement.reset()
        }
        #expect(error { try statement.bind(1, at: 2) } != nil)
        #expect(error { try statement.bind(1, at: 0) } != nil)
        let bytes = Array("S\u{0}W".utf8)
        try bytes.withUnsafeBytes {
            try statement.bindBorrowedText($0, at: 1)
            #expect(try statement.step())
            #expect(statement.withText(0) { Array($0) } == bytes)
            statement.reset()
        }
    }

    @Test("a statement that failed can be bound and run again after its reset")
    func runAgain() throws {
        let connection = try memory()
        try connection.execute("CREATE TABLE t(a INTEGER CHECK (a > 0))")
        let insert = try connection.prepare("INSERT INTO t VALUES (?1)", persistent: true)
        for value: Int64 in [1, -1, 2, -2, 3] {
            try insert.bind(value, at: 1)
            #expect((error { try insert.run() } != nil) == (value < 0))
        }
        #expect(try connection.integer("SELECT sum(a) FROM t") == 6)
    }

    @Test("a transaction commits when its body returns, and leaves nothing when it throws")
    func transactions() throws {
        struct Stop: Error {}
        let connection = try memory()
        try connection.execute("CREATE TABLE t(a)")
        let answer = try connection.transaction {
            #expect(connection.isInTransaction)
            try connection.execute("INSERT INTO t VALUES (1)")
            return 42
        }
        #expect(answer == 42)
        #expect(throws: Stop.self) {
            try connection.transaction {
                try connection.execute("INSERT INTO t VALUES (2)")
                throw Stop()
            }
        }
        #expect(!connection.isInTransaction)
        #expect(try connection.integer("SELECT count(*) FROM t") == 1)
        // Inside one, another is refused and the first one stays.
        try connection.transaction {
            #expect(error { try connection.transaction {} } != nil)
            #expect(connection.isInTransaction)
        }
    }

    @Test("limits hold")
    func limits() throws {
        let connection = try memory()
        connection.setLimit(.length, to: 1000)
        #expect(error { _ = try connection.text("SELECT hex(zeroblob(2000))") }?.isLimit == true)
        connection.setLimit(.sqlLength, to: 100)
        #expect(error { _ = try connection.prepare("SELECT " + String(repeating: "1,", count: 60) + "1") } != nil)
        connection.setLimit(.attached, to: 0)
        #expect(error { try connection.execute("ATTACH ':memory:' AS a") } != nil)
        connection.setLimit(.expressionDepth, to: 10)
        #expect(error { _ = try connection.prepare("SELECT ((((((((((((1+1)+1)+1)+1)+1)+1)+1)+1)+1)+1)+1)+1)") } != nil)
        connection.setLimit(.compoundSelect, to: 2)
        #expect(error { _ = try connection.prepare("SELECT 1 UNION SELECT 2 UNION SELECT 3") } != nil)
        connection.setLimit(.columns, to: 2)
        #expect(error { _ = try connection.prepare("SELECT 1, 2, 3") } != nil)
        connection.setLimit(.parameters, to: 2)
        #expect(error { _ = try connection.prepare("SELECT ?3") } != nil)
        connection.setLimit(.likePattern, to: 3)
        #expect(error { _ = try connection.text("SELECT 'a' LIKE 'abcd'") } != nil)
        #expect(try connection.integer("SELECT 1") == 1)
    }

    @Test("the authorizer is asked about each action with its names, and one refusal is enough")
    func authorizer() throws {
        let connection = try memory()
        try connection.execute("CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t; INSERT INTO t VALUES (1)")
        var asked: [Action] = []
        connection.setAuthorizer { action in
            asked.append(action)
            return true
        }
        _ = try connection.integer("SELECT upper(a) FROM v")
        #expect(asked.contains(.select))
        #expect(asked.contains(.read(table: "t", column: "a")))
        #expect(asked.contains(.function("upper")))
        asked = []
        try connection.execute("PRAGMA user_version = 3; SAVEPOINT s; RELEASE s; BEGIN; COMMIT; UPDATE t SET a = 2")
        #expect(asked.contains(.pragma("user_version", argument: "3")))
        #expect(asked.contains(.transaction("BEGIN")))
        #expect(asked.contains(.savepoint))
        #expect(asked.contains(.update(table: "t", column: "a")))
        connection.setAuthorizer { action in if case .attach = action { false } else { true } }
        #expect(error { try connection.execute("ATTACH ':memory:' AS a") }?.isDenied == true)
        #expect(try connection.integer("SELECT a FROM t") == 2)
        connection.setAuthorizer(nil)
        try connection.execute("ATTACH ':memory:' AS a")
    }

    @Test("the progress handler ends a statement, and the connection goes on")
    func progress() throws {
        let connection = try memory()
        var calls = 0
        connection.setProgressHandler(every: 1000) {
            calls += 1
            return calls < 50
        }
        let found = error { _ = try connection.integer(Self.endless) }
        #expect(found?.isInterrupt == true)
        #expect(calls == 50)
        connection.setProgressHandler(every: 0, nil)
        #expect(try connection.integer("SELECT 1") == 1)
    }

    @Test("a lock that another connection holds is told as busy")
    func busy() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.db")
        let first = try Connection(path: path, mode: .readWriteCreate)
        try first.execute("CREATE TABLE t(a); BEGIN IMMEDIATE")
        let second = try Connection(path: path, mode: .readWrite)
        try second.setBusyTimeout(milliseconds: 1)
        #expect(error { try second.execute("INSERT INTO t VALUES (1)") }?.isBusy == true)
    }

    @Test("a file is never created, written or replaced by a connection that may not")
    func modes() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("é ?#%.db")
        #expect(error { _ = try Connection(path: path, mode: .readOnly) }?.isCannotOpen == true)
        #expect(error { _ = try Connection(path: path, mode: .readWrite) }?.isCannotOpen == true)
        #expect(!FileManager.default.fileExists(atPath: path))
        try {
            try Connection(path: path, mode: .readWriteCreate).execute("CREATE TABLE t(a); INSERT INTO t VALUES (7)")
        }()
        let reader = try Connection(path: path, mode: .readOnly)
        #expect(error { try reader.execute("INSERT INTO t VALUES (1)") }?.isReadOnly == true)
        #expect(try reader.integer("SELECT a FROM t") == 7)
        #expect(try Connection(immutablePath: path).integer("SELECT a FROM t") == 7)
        // A name that looks like an address is a name.
        #expect(error { _ = try Connection(path: "file:\(path)?mode=ro", mode: .readOnly) }?.isCannotOpen == true)
        try Data("not a database, but long enough to be looked at as one".utf8)
            .write(to: URL(fileURLWithPath: folder.file("b.db")))
        let other = try Connection(path: folder.file("b.db"), mode: .readOnly)
        #expect(error { _ = try other.integer("SELECT count(*) FROM sqlite_schema") }?.isCorrupt == true)
    }

    @Test("a statement keeps its connection, and a connection that goes first closes when the last statement does")
    func lifetimes() throws {
        func statement() throws -> Statement {
            let connection = try memory()
            try connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES (5)")
            return try connection.prepare("SELECT a FROM t")
        }
        let kept = try statement()
        #expect(try kept.step())
        #expect(kept.int64(0) == 5)
        #expect(kept.columnName(0) == "a")
    }

    @Test("functions written in Swift take and give every kind of value; what they throw becomes the error")
    func functions() throws {
        struct Wrong: Error, CustomStringConvertible { let description = "wrong argument" }
        let connection = try memory()
        try connection.define(function: "same", argumentCount: 1, isDeterministic: true) { $0[0] }
        try connection.define(function: "fail", argumentCount: -1, isDeterministic: true) { _ in throw Wrong() }
        let statement = try connection.prepare("SELECT same(?1)")
        for value: Value in [.null, .integer(-1), .real(0.5), .text("é"), .text(""), .blob([1]), .blob([])] {
            try statement.bind(value, at: 1)
            #expect(try statement.step())
            #expect(statement.value(0) == value)
            statement.reset()
        }
        #expect(error { _ = try connection.text("SELECT fail(1, 2)") }?.message == "wrong argument")
    }

    @Test("a log's pages are counted, and a checkpoint tells how far it came")
    func log() throws {
        let folder = try TemporaryFolder()
        let connection = try Connection(path: folder.file("a.db"), mode: .readWriteCreate)
        #expect(try connection.checkpoint(.passive) == (-1, -1))
        try connection.execute("PRAGMA journal_mode = WAL")
        connection.countWALPages()
        try connection.execute("CREATE TABLE t(a)")
        #expect(connection.walPages > 0)
        let (frames, done) = try connection.checkpoint(.passive)
        #expect(frames == done && frames > 0)
        #expect(try connection.checkpoint(.truncate) == (0, 0))
    }
}
