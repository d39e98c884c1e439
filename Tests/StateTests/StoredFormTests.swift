// Open commits and waiting segments that version 0.1 stored are still readable: an update must not lose them.

import Base
import Foundation
import SQLite
import StateFixtures
import TestSupport
import Testing
import Windowing

@testable import State

@Suite struct StoredFormTests {
    /// The files of a commit, as JSON in base64.
    private static let payload = [
        "eyJkYXRhIjogW3sibmFtZSI6ICJuLnBhcnF1ZXQiLCAibG9jYXRpb24iOiAiczM6Ly9iL24ucGFycXVldCIsICJkYX",
        "kiOiAxODY1MywgImZhY3RzIjogeyJyb3dzIjogMiwgImJ5dGVzIjogMTAwLCAiY29sdW1ucyI6IFt7ImlkIjogMSwg",
        "ImJ5dGVzIjogMTAsICJ2YWx1ZXMiOiAyLCAibnVsbHMiOiAwLCAibG93ZXIiOiAiWVE9PSIsICJ1cHBlciI6ICJZZz",
        "09In1dLCAic3BsaXRPZmZzZXRzIjogWzRdfX1dLCAiZGVsZXRlcyI6IFtdLCAicGxhaW4iOiBbeyJuYW1lIjogImoi",
        "LCAibG9jYXRpb24iOiAiczM6Ly9iL2oifV0sICJyZXBsYWNlZCI6IFsiczM6Ly9iL29sZCJdLCAicmVwbGFjZWREZW",
        "xldGVzIjogW3sicGF0aCI6ICJzMzovL2IvZCIsICJvZmZzZXQiOiA0fV0sICJkZWxldGVzUmVhZCI6IHsiczM6Ly9i",
        "L29sZCI6IFt7InBhdGgiOiAiczM6Ly9iL2QiLCAib2Zmc2V0IjogNH1dfSwgInNlcXVlbmNlTnVtYmVyIjogNywgIn",
        "JlYWRTbmFwc2hvdCI6IDksICJzdW1tYXJ5IjogeyJrIjogInYifX0=",
    ].joined()

    /// The metrics of a file, likewise.
    private static let facts = [
        "eyJyb3dzIjogMiwgImJ5dGVzIjogMTAwLCAiY29sdW1ucyI6IFt7ImlkIjogMSwgImJ5dGVzIjogMTAsICJ2YWx1ZX",
        "MiOiAyLCAibnVsbHMiOiAwLCAibG93ZXIiOiAiWVE9PSIsICJ1cHBlciI6ICJZZz09In1dLCAic3BsaXRPZmZzZXRz",
        "IjogWzRdfQ==",
    ].joined()

    private static func intent(table: String, segments: String, isRewrite: Bool) throws -> Intent {
        let text = """
            {"commitID": "c", "table": "\(table)", "tableName": "n.t", "generation": 3, "offsets": [0, {"from": 1, "to": 5}],
             "rowsAdded": 2, "rowsDeleted": 0, "files": ["s3://b/n.parquet", "s3://b/j"], "segments": \(segments),
             "isRewrite": \(isRewrite), "epoch": 4, "payload": "\(payload)"}
            """
        return try JSONDecoder().decode(Intent.self, from: Data(text.utf8))
    }

    private static let metrics = ParquetMetrics(
        rows: 2, bytes: 100,
        columns: [.init(id: 1, bytes: 10, values: 2, nulls: 0, lower: Data("a".utf8), upper: Data("b".utf8))],
        splitOffsets: [4])

    private static var files: CommitFiles {
        var files = CommitFiles()
        files.data = [
            ParquetUpload(name: "n.parquet", location: "s3://b/n.parquet", day: 18_653, metrics: metrics)
        ]
        files.plain = [PlainUpload(name: "j", location: "s3://b/j")]
        files.summary = ["k": "v"]
        return files
    }

    @Test func `an open commit of each kind is read`() throws {
        let counts = try Self.intent(table: "counts", segments: "[]", isRewrite: false)
        #expect(counts.work == .counts(Self.files))
        #expect(counts.offsets == [0: OffsetSpan(from: 1, to: 5)] && counts.epoch == 4 && counts.generation == 3)
        let raw = try Self.intent(table: "raw", segments: "[\"a\", \"b\"]", isRewrite: false)
        #expect(raw.work == .segments(["a", "b"], Self.files))
        var rewritten = RewrittenFiles()
        rewritten.replaced = ["s3://b/old"]
        rewritten.replacedDeletes = [DeleteName(path: "s3://b/d", offset: 4)]
        rewritten.deletesRead = ["s3://b/old": [DeleteName(path: "s3://b/d", offset: 4)]]
        (rewritten.sequenceNumber, rewritten.readSnapshot) = (7, 9)
        let rewrite = try Self.intent(table: "counts", segments: "[]", isRewrite: true)
        #expect(rewrite.work == .rewrite(Self.files, rewritten))
        // Each is equal after it was stored in the present form.
        for intent in [counts, raw, rewrite] {
            #expect(try JSONDecoder().decode(Intent.self, from: JSONEncoder().encode(intent)) == intent)
        }
    }

    @Test func `a waiting segment is read`() throws {
        let text = """
            {"name": "s", "rows": 2, "offsets": [0, {"from": 1, "to": 5}],
             "parquet": [{"name": "n.parquet", "bytes": 100, "day": 18653, "facts": "\(Self.facts)"}],
             "json": {"name": "j", "bytes": 5, "day": 18654}}
            """
        let segment = try JSONDecoder().decode(Segment.self, from: Data(text.utf8))
        #expect(segment.parquet == [.init(name: "n.parquet", bytes: 100, day: 18_653, metrics: Self.metrics)])
        #expect(segment.json == .init(name: "j", bytes: 5, day: 18_654, metrics: nil))
        #expect(try JSONDecoder().decode(Segment.self, from: JSONEncoder().encode(segment)) == segment)
    }

    @Test func `offsets that an incident of format 7 passes over are read from its sentence, and converted`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let detail =
            "topic page views partition 3: offsets 10 to 19 (10 in all) were no longer in Kafka and are not counted"
        try {
            let old = try Connection(path: path, mode: .readWriteCreate)
            for migration in Schema.migrations.prefix(7) { try old.execute(migration.sql) }
            try old.execute("PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = 7")
            for (kind, detail) in [("missing-offsets", detail), ("missing-offsets", "of no form"), ("other", detail)] {
                try old.run("INSERT INTO incident (at_ms, kind, detail) VALUES (1, ?1, ?2)", kind, detail)
            }
        }()
        let lost = [LostOffsets(partition: 3, offsets: 10..<20)]
        #expect(try StateReader(path).lostOffsets() == lost)
        try { _ = try Store(path: path, settings: try WindowSettings(), holder: "a test") }()
        #expect(try StateReader(path).lostOffsets() == lost)
        #expect(try StateReader(path).connection.integer("SELECT count(*) FROM incident WHERE end_offset = 20") == 1)
    }
}
