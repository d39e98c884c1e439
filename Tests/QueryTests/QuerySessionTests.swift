import Base
import Foundation
import Testing

@testable import Query
@testable import SQLite

@Suite struct QuerySessionTests {
    func first(_ session: QuerySession, _ sql: String) throws -> Value? {
        var result: Value?
        _ = try session.run(sql) { row in
            result = row.first
            return false
        }
        return result
    }

    @Test func `a session sees what the writer commits`() throws {
        let state = try TestState()
        let session = state.session()
        #expect(try first(session, "SELECT count(*) FROM postcode_view_count") == .integer(3))
        try state.writer.execute("INSERT INTO counts VALUES('N1', 1611662640, 5, 0)")
        #expect(try first(session, "SELECT count(*) FROM postcode_view_count") == .integer(4))
    }

    @Test func `an idle session, an unfinished result and an ended statement do not hold the log`() throws {
        let state = try TestState(rows: 1000)
        let session = state.session { $0.limits.maxRows = 5 }
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n, counts"
        _ = try session.run("SELECT * FROM counts") { _ in false }
        #expect(try session.run("SELECT * FROM counts") { _ in true }.isTruncated)
        session.limits.timeoutMilliseconds = 20
        #expect(throws: QueryError.self) { try session.run("SELECT count(*) FROM (\(endless))") { _ in true } }
        try state.writer.execute("INSERT INTO counts VALUES('N1', 1, 5, 0)")
        _ = try state.writer.checkpoint(.truncate)
        #expect(try Data(contentsOf: URL(fileURLWithPath: state.path + "-wal")).isEmpty)
    }

    @Test func `a snapshot does not change until it is released`() throws {
        let state = try TestState()
        let session = state.session()
        try session.beginSnapshot()
        try state.writer.execute("INSERT INTO counts VALUES('N1', 1611662640, 5, 0)")
        #expect(try first(session, "SELECT count(*) FROM counts") == .integer(3))
        #expect(throws: QueryError.self) { try session.run("COMMIT") { _ in true } }
        session.endSnapshot()
        #expect(try first(session, "SELECT count(*) FROM counts") == .integer(4))
    }

    @Test func `without a state file the views are empty, and the state is found when it appears`() throws {
        let folder = try Folder()
        var warnings: [String] = []
        let path = folder.file("state.db")
        let session = QuerySession(
            SessionConfiguration(statePath: path, emptySchema: viewsSchema, wallClock: { 0 }),
            warn: { warnings.append($0) })
        Connection.setMemoryLimit(bytes: 0)
        #expect(try first(session, "SELECT count(*) FROM postcode_view_count") == .integer(0))
        #expect(throws: QueryError.self) { try session.run("INSERT INTO counts VALUES(1, 2, 3, 4)") { _ in true } }
        _ = try first(session, "SELECT 1")
        #expect(warnings.count == 1)
        #expect(!FileManager.default.fileExists(atPath: path))
        let writer = try Connection(path: path, mode: .readWriteCreate)
        #expect(try first(session, "SELECT count(*) FROM late_events") == .integer(0))
        try writer.execute("PRAGMA journal_mode = WAL;" + viewsSchema + "INSERT INTO counts VALUES('N1', 60, 5, 0)")
        #expect(try first(session, "SELECT timestamp FROM postcode_view_count") == .text("1970-01-01T00:01:00Z"))
    }

    @Test func `a replaced state is reopened`() throws {
        let (old, new) = (try TestState(rows: 3), try TestState(rows: 5))
        let session = old.session()
        #expect(try first(session, "SELECT count(*) FROM counts") == .integer(3))
        try new.writer.execute("PRAGMA journal_mode = DELETE")
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: old.path + suffix) }
        #expect(rename(new.path, old.path) == 0)
        #expect(try first(session, "SELECT count(*) FROM counts") == .integer(5))
    }

    @Test func `a state in a read-only directory is readable`() throws {
        let state = try TestState()
        let copy = try Folder()
        try state.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try FileManager.default.copyItem(atPath: state.path, toPath: copy.file("odd ?#%41 name.db"))
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: copy.path)
        defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: copy.path) }
        #expect(try first(makeSession(copy.file("odd ?#%41 name.db")), "SELECT count(*) FROM counts") == .integer(3))
    }

    @Test func `an immutable connection reads any file name`() throws {
        let state = try TestState()
        try state.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        let name = state.folder.file("odd ?#%41 &é name.db")
        try FileManager.default.copyItem(atPath: state.path, toPath: name)
        #expect(try Connection(immutablePath: name).integer("SELECT count(*) FROM counts") == 3)
        #expect(!FileManager.default.fileExists(atPath: name + "-shm"))
    }

    @Test func `a file that is not a database is reported as such`() throws {
        let folder = try Folder()
        try Data("this is not a database, but it is long enough to look at".utf8).write(
            to: URL(fileURLWithPath: folder.file("x")))
        let message =
            "cannot read the state \(folder.file("x")): file is not a database; it is damaged: move it away and run "
            + "`pageviews restore`, or go back to a backup"
        #expect(throws: QueryError.state(message)) {
            try makeSession(folder.file("x")).run("SELECT 1") { _ in true }
        }
    }

    @Test func `an interrupt ends the running statement`() throws {
        let state = try TestState()
        let session = state.session()
        #expect(throws: QueryError.interrupted) {
            try session.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n") { row in
                if row[0] == .integer(10) { session.interrupt.raise() }
                return true
            }
        }
    }

    @Test func `ago gives the views' timestamps`() throws {
        let session = try TestState().session()
        #expect(try first(session, "SELECT ago('1 hour')") == .text("2021-01-26T12:04:00Z"))
        #expect(try first(session, "SELECT ago('0s')") == .text("2021-01-26T13:04:00Z"))
        #expect(
            try first(session, "SELECT ago('2 days') || ago('15 min') || ago('250ms')")
                == .text("2021-01-24T13:04:00Z2021-01-26T12:49:00Z2021-01-26T13:03:59Z"))
        #expect(try first(session, "SELECT ago(NULL) IS NULL") == .integer(1))
        for wrong in ["'soon'", "'1 month'", "'9223372036854775807d'", "3600", "1.5", "x'3168'", "''"] {
            #expect(throws: QueryError.self) { try first(session, "SELECT ago(\(wrong))") }
        }
        #expect(
            try first(session, "SELECT count(*) FROM postcode_view_count WHERE timestamp >= ago('1 hour')")
                == .integer(3))
    }

    @Test func `times agree with Foundation`() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(state: seed)
        for _ in 0..<2000 {
            let milliseconds = Int64.random(in: -62_000_000_000_000...253_402_300_799_999, using: &random)
            let floored = milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
            let date = Date(timeIntervalSince1970: Double(floored))
            let expected = date.formatted(.iso8601)
            // Foundation's calendar is Julian before 1582.
            if milliseconds > -12_000_000_000_000 {
                #expect(UTCText.sortable(milliseconds: milliseconds) == expected, "seed \(seed)")
            }
        }
        #expect(UTCText.sortable(milliseconds: .max) == nil)
        #expect(UTCText.sortable(milliseconds: .min) == nil)
    }

    @Test(arguments: [
        ("12", Value.integer(12)), ("-4", .integer(-4)), ("007", .text("007")), ("+1", .text("+1")),
        ("1.50", .real(1.5)),
        ("1e3", .real(1000)), ("SW19", .text("SW19")), ("'12'", .text("12")), ("'it''s'", .text("it's")),
        ("", .text("")),
        ("'", .text("'")), ("9223372036854775807", .integer(.max)), ("inf", .text("inf")),
        ("0x10", .text("0x10")),
        ("1.", .text("1.")), ("-0", .text("-0")),
    ])
    func `a parameter's text becomes a number only when it is plainly one`(text: String, expected: Value) throws {
        #expect(try Parameters.value(of: text) == expected)
    }

    @Test(arguments: ["9223372036854775808", "-9223372036854775809", "99999999999999999999"])
    func `a whole number beyond 64 bits is refused`(text: String) {
        #expect(throws: QueryError.self) { try Parameters.value(of: text) }
    }

    @Test func `bounded functions return what SQLite's own return`() throws {
        let session = try TestState().session()
        let plain = try Connection(path: "", mode: .memory)
        let values = [
            "NULL", "1", "-2.5", "''", "'abcabc'", "'b'", "'é東'", "x''", "x'6162'", "x'62'", "'%d|%s|%5.2f'", "'%*d'",
            "'{\"a\":1}'",
        ]
        for first in values {
            for second in values {
                for call in [
                    "instr(\(first), \(second))", "replace(\(first), \(second), 'z')", "trim(\(first), \(second))",
                    "ltrim(\(first), \(second))", "rtrim(\(first), \(second))", "printf(\(first), \(second), 7)",
                    "format(\(first), 3, \(second))", "printf(\(first))", "trim(\(first))",
                ] {
                    let sql = "SELECT \(call), typeof(\(call))"
                    let statement = try plain.prepare(sql)
                    _ = try statement.step()
                    var row: [Value] = []
                    _ = try session.run(sql) {
                        row = $0; return true
                    }
                    #expect(row == [statement.value(0), statement.value(1)], "\(call)")
                }
            }
        }
        #expect(try first(session, "SELECT json_patch('{\"a\":1}', '{\"a\":null,\"b\":2}')") == .text("{\"b\":2}"))
        #expect(
            try first(session, "SELECT json_type(json_array(json_patch('{}', '{\"b\":1}')), '$[0]')") == .text("object")
        )
        #expect(throws: QueryError.self) { try session.run("SELECT json_patch('{', '{}')") { _ in true } }
    }
}
