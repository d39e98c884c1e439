// Shared by the tests: a state file as another process would write it, and a session over it.

import Foundation
import Testing

@testable import Query
@testable import SQLite

/// Views as the store makes them, over tables of the test's own.
let viewsSchema = """
    CREATE TABLE counts(postcode TEXT, start INTEGER, n INTEGER, final INTEGER, PRIMARY KEY(start, postcode)) WITHOUT ROWID;
    CREATE VIEW postcode_view_count AS SELECT postcode, strftime('%Y-%m-%dT%H:%M:%SZ', start, 'unixepoch') AS timestamp,
      n AS count, final FROM counts;
    CREATE TABLE late_rows(user_id INTEGER, postcode TEXT, webpage TEXT, timestamp TEXT, window TEXT, lateness_ms INTEGER,
      kafka_partition INTEGER, kafka_offset INTEGER, received_at TEXT, published INTEGER, backfilled_at TEXT);
    CREATE VIEW late_events AS SELECT * FROM late_rows;
    CREATE TABLE rejected_rows(kafka_partition INTEGER, kafka_offset INTEGER, reason TEXT, byte_position INTEGER,
      excerpt TEXT, received_at TEXT);
    CREATE VIEW rejected_events AS SELECT * FROM rejected_rows;
    """

/// A folder that is removed with the test.
final class Folder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "pageviews-query-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }
}

/// A state file in WAL mode with a writer that stays open.
struct TestState {
    let folder: Folder
    let path: String
    let writer: Connection

    init(rows: Int = 3) throws {
        folder = try Folder()
        path = folder.file("state.db")
        writer = try Connection(path: path, mode: .readWriteCreate)
        try writer.execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;" + viewsSchema)
        try writer.execute(
            """
            WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < \(rows))
            INSERT INTO counts SELECT 'SW' || (1 + i % 20), 1611662640 + 60 * (i / 20), 10 + i, i < 20 FROM n
            """)
    }

    func session(_ change: (inout SessionConfiguration) -> Void = { _ in }) -> QuerySession {
        makeSession(path) { [folder] configuration in
            // The folder lives as long as the session.
            configuration.wallClock = { folder.path.isEmpty ? 0 : 1_611_666_240_000 }
            change(&configuration)
        }
    }

    /// The bytes of the database and its log.
    func fingerprint() throws -> [Data] {
        try [path, path + "-wal"].map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
    }
}

func makeSession(_ path: String, _ change: (inout SessionConfiguration) -> Void = { _ in }) -> QuerySession {
    var configuration = SessionConfiguration(
        statePath: path, emptySchema: viewsSchema, wallClock: { 1_611_666_240_000 })
    // The cap is the whole process's, which here runs other tests at the same time; one test sets it.
    configuration.limits.memoryBytes = nil
    change(&configuration)
    return QuerySession(configuration, warn: { _ in })
}

/// Runs `pageviews query` in memory.
func oneShot(
    _ sql: String, over session: QuerySession, _ change: (inout OneShotOptions) -> Void = { _ in }
) -> (code: Int32, out: String, err: String) {
    var options = OneShotOptions(sql: sql)
    change(&options)
    let (out, err) = (Output(), Output())
    let code = OneShot(session: session, out: out, err: err, waitMilliseconds: { _ in }).run(options)
    return (code, out.text, err.text)
}

/// The interpreter of the project's test environment.
func pythonPath() -> String {
    ProcessInfo.processInfo.environment["PAGEVIEWS_TEST_PYTHON"] ?? ".venv/bin/python"
}

/// Runs a Python program with `input` on its standard input.
func python(_ program: String, _ arguments: [String] = [], input: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: pythonPath())
    process.arguments = ["-c", program] + arguments
    let (stdin, stdout) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput) = (stdin, stdout)
    try process.run()
    let writing = Thread {
        try? stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8)); try? stdin.fileHandleForWriting.close()
    }
    writing.start()
    let data = stdout.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self)
}

/// A small generator with a known seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
