// What is said about a SQLite that is too old, and what the linked one has to be able to do.

import Testing

@testable import SQLite

@Suite("SQLite's version")
struct LibraryVersionTests {
    @Test(arguments: [(3_040_001, true), (3_051_002, true), (3_051_003, false), (3_053_002, false)] as [(Int32, Bool)])
    func theFaultOfAnOldOne(version: Int32, faulty: Bool) {
        #expect(hasWALResetFault(version: version) == faulty)
    }

    @Test func theLinkedOneNamesItself() throws {
        let connection = try Connection(path: "", mode: .memory)
        let said = try connection.prepare("SELECT sqlite_version()")
        #expect(try said.step())
        #expect(said.string(0) == libraryVersion)
    }

    @Test func aCapOnMemoryIsInForce() throws {
        #expect(Connection.setMemoryLimit(bytes: 0))
    }

    /// What a query could always use with Debian's build, it can use with the pinned one.
    @Test(
        arguments: [
            "SELECT json_extract('{\"a\":1}', '$.a')", "SELECT sqrt(4) + ln(1)", "SELECT soundex('Robert')",
            "SELECT name FROM dbstat", "SELECT count(*) FROM pragma_table_info('sqlite_master')",
            "SELECT sql FROM sqlite_stmt", "SELECT sum(1) OVER ()", "SELECT strftime('%Y', 0, 'unixepoch')",
            "CREATE VIRTUAL TABLE a USING fts5(b)", "CREATE VIRTUAL TABLE a USING fts4(b)",
            "CREATE VIRTUAL TABLE a USING rtree(id, low, high)",
        ])
    func aFeatureOfQueries(sql: String) throws {
        try Connection(path: "", mode: .memory).execute(sql)
    }
}
