import Foundation
import Glibc
import Testing

@testable import Query
@testable import SQLite

@Suite(.serialized) struct HostileStatementTests {
    /// Known ways out of "read-only" consoles: each would write, open a file, load code, or change the session.
    static let refused = [
        "ATTACH '/tmp/x.db' AS x", "ATTACH ':memory:' AS x", "ATTACH DATABASE '' AS x", "DETACH main", "VACUUM",
        "VACUUM INTO '/tmp/pageviews-stolen.db'", "INSERT INTO counts VALUES('X', 0, 1, 1)",
        "INSERT INTO postcode_view_count VALUES(1, 2, 3, 4)", "REPLACE INTO counts VALUES('X', 0, 1, 1)",
        "UPDATE counts SET n = 0", "DELETE FROM counts", "DROP TABLE counts", "DROP VIEW late_events",
        "CREATE TABLE x(a)", "CREATE TEMP TABLE x(a)", "CREATE TABLE x AS SELECT 1", "CREATE VIEW v AS SELECT 1",
        "CREATE TEMP VIEW v AS SELECT 1", "CREATE INDEX i ON counts(n)", "ALTER TABLE counts RENAME TO x",
        "CREATE TRIGGER t AFTER INSERT ON counts BEGIN DELETE FROM counts; END", "REINDEX", "ANALYZE",
        "CREATE VIRTUAL TABLE f USING fts5(a)", "CREATE VIRTUAL TABLE temp.f USING fts3(a)", "BEGIN", "BEGIN IMMEDIATE",
        "BEGIN EXCLUSIVE", "COMMIT", "ROLLBACK", "SAVEPOINT s", "RELEASE s", "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 7", "PRAGMA application_id = 7", "PRAGMA writable_schema = ON",
        "PRAGMA writable_schema", "PRAGMA query_only = 0", "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_checkpoint",
        "PRAGMA optimize", "PRAGMA incremental_vacuum", "PRAGMA temp_store_directory = '/'",
        "PRAGMA mmap_size = 1000000",
        "PRAGMA hard_heap_limit = 0", "PRAGMA soft_heap_limit = 1", "PRAGMA trusted_schema = 1",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA cache_size = -9999999", "PRAGMA temp_store = 2", "PRAGMA busy_timeout = 999999", "PRAGMA key = 'x'",
        "SELECT load_extension('/tmp/x.so')", "SELECT load_extension('x', 'y')", "SELECT fts3_tokenizer('simple')",
        "SELECT fts3_tokenizer('simple', x'00')", "SELECT readfile('/etc/passwd')", "SELECT writefile('/tmp/x', 'y')",
        "SELECT edit('x')", "UPDATE sqlite_schema SET sql = ''", "DELETE FROM sqlite_schema",
        "WITH x AS (SELECT 1) DELETE FROM counts", "WITH x AS (SELECT 1) INSERT INTO counts SELECT 1, 2, 3, 4",
        "EXPLAIN DELETE FROM counts", "DELETE FROM counts RETURNING *", "SELECT * FROM pragma_wal_checkpoint",
        "SELECT * FROM pragma_journal_mode('delete')", "UPDATE sqlite_dbpage SET data = zeroblob(4096)",
    ]

    @Test func `statements that would do more than read are refused and change nothing`() throws {
        let state = try TestState()
        let session = state.session()
        let before = try state.fingerprint()
        let files = try FileManager.default.contentsOfDirectory(atPath: state.folder.path).sorted()
        for sql in Self.refused {
            #expect(throws: QueryError.self, "\(sql)") { try session.run(sql) { _ in true } }
        }
        #expect(try session.run("SELECT * FROM postcode_view_count") { _ in true }.rowCount == 3)
        #expect(try state.fingerprint() == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: state.folder.path).sorted() == files)
        #expect(!FileManager.default.fileExists(atPath: "/tmp/pageviews-stolen.db"))
    }

    @Test(arguments: [
        "INSERT INTO counts VALUES('X', 0, 1, 1)", "CREATE TABLE x(a)", "VACUUM INTO '/tmp/x'", "DROP TABLE counts",
    ])
    func `a refused statement is named`(sql: String) throws {
        let verb = String(sql.prefix { $0.isLetter })
        #expect(throws: QueryError.refused(what: verb)) { try TestState().session().run(sql) { _ in true } }
    }

    /// Each runs for ever or takes all memory unless something stops it.
    static let endless = [
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n ORDER BY i DESC",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n) SELECT max(i) FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT group_concat(i, printf('%1000d', i)) FROM n",
        "WITH RECURSIVE n(i) AS (SELECT zeroblob(100000) UNION ALL SELECT i || i FROM n) SELECT length(i) FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT json_group_array(i) FROM n",
        "SELECT zeroblob(2000000000)", "SELECT randomblob(1000000000)", "SELECT hex(zeroblob(900000000))",
        "SELECT printf('%2000000000d', 1)", "SELECT printf('%.*c', 2000000000, 'x')",
        "SELECT format('%*s', 2147483647, 'x')",
        "SELECT replace(hex(zeroblob(1000000)), '0', hex(zeroblob(1000000)))",
        "SELECT instr(zeroblob(8000000), CAST(zeroblob(4000000) || 'x' AS BLOB))",
        "SELECT replace(hex(zeroblob(3000000)), hex(zeroblob(1500000)) || '1', '')",
        "SELECT trim(hex(zeroblob(3000000)), hex(randomblob(3000000)))",
        "SELECT hex(zeroblob(3000000)) LIKE '%' || hex(zeroblob(1000)) || '1'",
        "SELECT count(*) FROM counts a, counts b, counts c, counts d, counts e, counts f, counts g, counts h",
        "SELECT " + String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000),
        "SELECT " + String(repeating: "-", count: 1) + Array(repeating: "1", count: 3000).joined(separator: "+"),
        "SELECT " + String(repeating: "NOT ", count: 20000) + "1",
        Array(repeating: "SELECT 1", count: 600).joined(separator: " UNION ALL "),
        "SELECT " + Array(repeating: "1", count: 3000).joined(separator: ","),
        "SELECT '" + String(repeating: "x", count: 2 << 20) + "'",
        "WITH a AS (SELECT 1 x UNION ALL SELECT 2), "
            + (0..<30).map {
                "a\($0) AS (SELECT p.x FROM \($0 == 0 ? "a" : "a\($0 - 1)") p, \($0 == 0 ? "a" : "a\($0 - 1)") q)"
            }
            .joined(separator: ", ") + " SELECT count(*) FROM a29",
    ]

    @Test func `endless and huge statements are stopped, and the session continues`() throws {
        let state = try TestState(rows: 200)
        let session = state.session {
            $0.limits.timeoutMilliseconds = 300
            $0.limits.memoryBytes = 64 << 20
        }
        defer { Connection.setMemoryLimit(bytes: 0) }
        let before = try state.fingerprint()
        for sql in Self.endless {
            let start = processorMilliseconds()
            session.limits.timeoutMilliseconds = 300
            #expect(throws: QueryError.self, "\(sql.prefix(120))") { try session.run(sql) { _ in true } }
            #expect(processorMilliseconds() - start < 3000, "\(sql.prefix(120))")
            session.limits.timeoutMilliseconds = nil
            #expect(try session.run("SELECT 1") { _ in true }.rowCount == 1)
        }
        #expect(try state.fingerprint() == before)
    }

    @Test(arguments: [
        "PRAGMA table_info(counts)", "PRAGMA table_xinfo('postcode_view_count')", "PRAGMA index_list(counts)",
        "PRAGMA database_list", "PRAGMA compile_options", "PRAGMA journal_mode", "PRAGMA user_version",
        "PRAGMA integrity_check",
        "SELECT * FROM pragma_table_info('counts')", "SELECT * FROM sqlite_schema",
        "EXPLAIN QUERY PLAN SELECT * FROM late_events",
        "EXPLAIN SELECT 1", "SELECT * FROM json_each('[1,2]')", "VALUES (1), (2)",
    ])
    func `harmless statements work`(sql: String) throws {
        #expect(throws: Never.self) { try TestState().session().run(sql) { _ in true } }
    }
}

/// The processor time of this thread: a busy machine does not count against a statement.
private func processorMilliseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
