import Foundation
import Glibc
import Testing

@testable import Query
@testable import SQLite

@Suite struct OneShotTests {
    @Test func `statements run in order and the default is tsv with a header`() throws {
        let result = oneShot("SELECT 1 AS a; SELECT 'x' AS b, NULL AS c;", over: try TestState().session())
        #expect(result == (0, "a\n1\nb\tc\nx\t\n", ""))
    }

    @Test func `JSON is one array per statement`() throws {
        let session = try TestState().session()
        let result = oneShot("SELECT 1 AS a; SELECT 2 AS b WHERE 0", over: session) { $0.format = .json }
        #expect(result == (0, "[{\"a\":1}]\n[]\n", ""))
    }

    @Test func `the first error stops the run with exit code 1`() throws {
        let result = oneShot(
            "SELECT 1 AS a;\n\nSELECT postcod FROM\n  postcode_view_count; SELECT 2", over: try TestState().session())
        #expect(result.code == 1)
        #expect(result.out == "a\n1\n")
        #expect(
            result.err == """
                error: no such column: postcod
                line 3: SELECT postcod FROM
                               ^
                did you mean postcode?

                """)
    }

    @Test(arguments: [
        (
            "SELECT * FROM postcode_view_cuont",
            "error: no such table: postcode_view_cuont\n  SELECT * FROM postcode_view_cuont\n                ^\ndid you mean postcode_view_count?\n"
        ),
        (
            "SELECT * FROM postcode_view",
            "error: no such table: postcode_view\n  SELECT * FROM postcode_view\n                ^\ndid you mean postcode_view_count?\n"
        ),
        ("SELCT 1", "error: near \"SELCT\": syntax error\n  SELCT 1\n  ^\ndid you mean SELECT?\n"),
        (
            "SELECT '東京', conut(*) FROM late_events",
            "error: no such function: conut\n  SELECT '東京', conut(*) FROM late_events\n                 ^\ndid you mean count?\n"
        ),
        (
            "SELECT * FROM counts WHERE postcode = SW19",
            "error: no such column: SW19\n  SELECT * FROM counts WHERE postcode = SW19\n                                        ^\ndid you mean 'SW19' (text needs quotes)?\n"
        ),
        ("SELECT 'abc", "error: unrecognized token: \"'abc\"\n  SELECT 'abc\n         ^\n"),
        ("SELECT", "error: incomplete input\n  SELECT\n        ^\n"),
        (
            "DELETE FROM counts",
            "error: DELETE is refused: this session only reads\ncounts are written by `pageviews ingest` and corrected by `pageviews backfill`\n"
        ),
    ])
    func `errors show the place and a guess`(sql: String, expected: String) throws {
        let result = oneShot(sql, over: try TestState().session())
        #expect(result == (1, "", expected))
    }

    @Test func `a long line is cut around the fault`() throws {
        let text = ErrorMessage(terminalColumns: 40).excerpt(
            "SELECT " + String(repeating: "a, ", count: 50) + "!!" + String(repeating: ", b", count: 50), at: 157)
        let lines = text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 40 })
        #expect(lines[0].dropFirst(lines[1].count - 1).hasPrefix("!!"))
    }

    @Test(arguments: ["", "  ;; ", "-- only a comment", "/* ; */"])
    func `no statement at all is wrong usage`(sql: String) throws {
        let result = oneShot(sql, over: try TestState().session())
        #expect(result.code == 2)
        #expect(result.err.hasPrefix("error: there is no statement"))
    }

    @Test func `parameters are bound by name, whatever their prefix`() throws {
        let session = try TestState().session()
        let sql = "SELECT :a AS a, @b AS b, $c AS c, typeof(:a) || typeof(@b) || typeof($c) AS t"
        let result = oneShot(sql, over: session) {
            $0.parameters = ["a=1", "@b=x' OR 1=1 --", ":c=2.5"]
            $0.format = .json
        }
        #expect(result == (0, "[{\"a\":1,\"b\":\"x' OR 1=1 --\",\"c\":2.5,\"t\":\"integertextreal\"}]\n", ""))
        #expect(oneShot("SELECT :nope", over: session).code == 2)
        let unknown = oneShot("SELECT ':name', :nam", over: session) { $0.parameters = ["name=1"] }
        #expect(unknown == (2, "", "error: no statement has a parameter :name; did you mean nam?\n"))
        #expect(oneShot("SELECT ?", over: session).code == 2)
        #expect(oneShot("SELECT 1", over: session) { $0.parameters = ["a"] }.code == 2)
        #expect(oneShot("SELECT 1", over: session) { $0.parameters = [":=1"] }.code == 2)
    }

    @Test func `a deadline ends with exit code 3 and keeps the rows received`() throws {
        // A clock of the test's own: each look at it takes a millisecond.
        var now = 0
        let session = try TestState().session {
            $0.limits.timeoutMilliseconds = 50
            $0.monotonicClock = {
                now += 1
                return now
            }
        }
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 3"
        let result = oneShot(sql, over: session)
        #expect(result == (3, "i\n1\n2\n", "error: the statement was ended after 50 ms (--timeout)\n"))
    }

    @Test func `the row limit ends a statement and says so`() throws {
        let session = try TestState().session { $0.limits.maxRows = 2 }
        let sql =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n; SELECT 5 AS x; VALUES (1), (2)"
        let result = oneShot(sql, over: session) { $0.format = .jsonl }
        #expect(result.code == 0)
        #expect(result.out == "{\"i\":1}\n{\"i\":2}\n{\"x\":5}\n{\"column1\":1}\n{\"column1\":2}\n")
        #expect(result.err == "stopped after 2 rows (--max-rows)\n")
    }

    @Test func `watch repeats until it is interrupted`() throws {
        let state = try TestState()
        let session = state.session()
        var options = OneShotOptions(sql: "SELECT count(*) AS n FROM counts")
        options.watchMilliseconds = 2000
        let (out, err) = (Output(), Output())
        var waits: [Int] = []
        let code = OneShot(session: session, out: out, err: err) { milliseconds in
            waits.append(milliseconds)
            try? state.writer.execute("INSERT INTO counts VALUES('N1', \(waits.count), 5, 0)")
            if waits.count == 3 { session.interrupt.raise() }
        }.run(options)
        #expect(code == 3)
        #expect(waits == [2000, 2000, 2000])
        #expect(out.text == "n\n3\nn\n4\nn\n5\n")
        #expect(err.text == "")
    }

    @Test func `a closed output ends the run quietly`() throws {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        defer { close(ends[1]) }
        let err = Output()
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        let session = try TestState().session()
        let shot = OneShot(session: session, out: Output(descriptor: ends[1]), err: err, waitMilliseconds: { _ in })
        #expect(shot.run(OneShotOptions(sql: sql)) == 0)
        #expect(err.text == "")
    }

    @Test func `a slow reader of the output does not hold the snapshot`() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let state = try TestState(rows: 20_000)
        let session = state.session()
        let output = Output(descriptor: ends[1])
        var renderer = OutputFormat.csv.renderer(RenderStyle())
        let summary = try session.run("SELECT * FROM postcode_view_count") {
            renderer.begin($0, to: output)
        } receive: { row in
            renderer.row(row, to: output)
            try output.pass(session.runGuard)
            return true
        }
        #expect(summary.rowCount == 20_000)
        try state.writer.execute("INSERT INTO counts VALUES('N1', 1, 5, 0)")
        _ = try state.writer.checkpoint(.truncate)
        session.interrupt.raise()
        #expect(throws: QueryError.interrupted) { try output.finish(session.interrupt) }
    }

    @Test(arguments: [OutputFormat.csv, .json, .jsonl])
    func `what is written is what Python's sqlite3 reads`(format: OutputFormat) throws {
        let state = try TestState()
        try state.writer.execute(
            """
            CREATE TABLE odd(a, b, c, d);
            INSERT INTO odd VALUES(9223372036854775807, -9223372036854775808, 0.1, 1e308), (1e-320, 123456789.123456789, -0.0, 2.0),
              ('a,b"c', 'line' || char(10) || 'two' || char(13, 10), char(0x1F600, 0x301, 8, 31, 127, 0x2028), ''),
              ('"' || char(0x301), 'a|' || char(0x301), char(13, 10), ',' || char(0x301)),
              (NULL, x'00ff', zeroblob(0), '\\'), ('é', '東京', 'x' || char(9) || 'y', ' padded ');
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
            INSERT INTO odd SELECT random(), random() / 3.7e9, hex(randomblob(8)), randomblob(i % 7) FROM n;
            """)
        let result = oneShot("SELECT * FROM odd", over: state.session()) { $0.format = format }
        #expect(result.code == 0)
        let program = """
            import sys, io, csv, json, sqlite3, base64
            rows = [list(r) for r in sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True).execute('SELECT * FROM odd')]
            text = sys.stdin.buffer.read().decode('utf-8')
            if sys.argv[2] == 'csv':
                show = lambda v: '' if v is None else "x'%s'" % v.hex() if isinstance(v, bytes) else v if isinstance(v, str) else v
                got = list(csv.reader(io.StringIO(text, newline='')))[1:]
                same = len(got) == len(rows) and all(
                    len(g) == len(r) and all(x == show(v) if isinstance(v, (str, bytes, type(None))) else type(v)(x) == v
                    for x, v in zip(g, r)) for g, r in zip(got, rows))
            else:
                got = json.loads(text) if sys.argv[2] == 'json' else [json.loads(l) for l in text.split('\\n')[:-1]]
                show = lambda v: base64.b64encode(v).decode() if isinstance(v, bytes) else v
                same = [list(g.values()) for g in got] == [[show(v) for v in r] for r in rows] and all(
                    type(x) is type(show(v)) for g, r in zip(got, rows) for x, v in zip(g.values(), r))
            print('same' if same else 'different')
            """
        #expect(try python(program, [state.path, format.rawValue], input: result.out) == "same\n")
    }
}
