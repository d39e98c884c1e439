// A database's name is a file's name, whatever SQLite would read in it.

import Foundation
import TestSupport
import Testing

@testable import SQLite

@Suite struct NameTests {
    static let names = [
        "file:x.db", "file:///x.db", ":memory:", "x.db?mode=ro", "?", "file:x.db?mode=memory&cache=shared", "#", "%41",
        " ",
        "é", "-", "'",
    ]

    @Test(arguments: names) func `a name is a plain file's`(name: String) throws {
        let folder = NSTemporaryDirectory() + "pageviews-names-\(UUID().uuidString)/"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + name
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Connection(path: path, mode: .readWriteCreate).execute("CREATE TABLE t(a); INSERT INTO t VALUES (7)")
        #expect(FileManager.default.fileExists(atPath: path))
        #expect(try Connection(path: path, mode: .readOnly).integer("SELECT a FROM t") == 7)
        #expect(try Connection(immutablePath: path).integer("SELECT a FROM t") == 7)
    }

    @Test(arguments: names) func `a relative name is the working folder's`(name: String) throws {
        #expect(try FileName.absolute(name) == FileManager.default.currentDirectoryPath + "/" + name)
    }

    @Test(arguments: ["", "a\0b", "\0"]) func `what names no file is refused`(name: String) throws {
        for mode in [Connection.Mode.readOnly, .readWrite, .readWriteCreate] {
            let error = #expect(throws: SQLiteError.self) { try Connection(path: name, mode: mode) }
            #expect(error?.isCannotOpen == true)
        }
        #expect(throws: SQLiteError.self) { try Connection(immutablePath: name) }
    }

    @Test func `a collation decides the order of texts and lives as long as its connection`() throws {
        let connection = try Connection(path: "", mode: .memory)
        try connection.define(collation: "length") { $0.count - $1.count }
        #expect(try connection.integer("SELECT 'bb' > 'a' COLLATE length AND 'b' = 'a' COLLATE length") == 1)
        #expect(
            try connection.text(
                "SELECT group_concat(c, ' ') FROM (SELECT column1 AS c FROM (VALUES ('ccc'), ('a'), ('bb')) ORDER BY 1 COLLATE length)"
            )
                == "a bb ccc")
    }
}
