// Commands about the pipeline, which query the views.

import Base
import SQLite

extension Repl {
    static let pipelineCommands: [Command] = [
        Command(["\\lag", ".lag"], "lag behind the topic, per partition") { repl, _ in repl.showLag() },
        Command(["\\watermark", ".watermark"], "the watermark, what last moved it, what holds it back") { repl, _ in
            repl.showWatermark()
        },
        Command(["\\late", ".late"], "[N]", completes: .nothing, "the newest late events") {
            $0.newest("late_events", lateColumns, orderedBy: receivedOrder, $1)
        },
        Command(["\\rejected", ".rejected"], "[N]", completes: .nothing, "the newest rejected events") {
            $0.newest("rejected_events", orderedBy: receivedOrder, $1)
        },
        Command(
            ["\\window", ".window"], "POSTCODE MINUTE",
            completes: ArgumentCompletion { $0.isEmpty ? .postcodes(.command) : .nothing },
            "one count: live, exported, late events"
        ) { $0.showWindow($1.arguments) },
        Command(["\\exports", ".exports"], "[N]", completes: .nothing, "the newest exports") {
            $0.newest("exports", exportColumns, orderedBy: "generation DESC, table_name", $1)
        },
        Command(["\\incidents", ".incidents"], "[N]", completes: .nothing, "the newest incidents") {
            $0.newest("incidents", orderedBy: "at DESC", $1)
        },
        Command(
            ["\\proof", ".proof"], "[--quick]", completes: .nothing,
            "compare records received with counts stored and exported"
        ) { $0.runDomainCommand($0.domain.proof, $1.arguments) },
        Command(
            ["\\topic", ".topic"], "[NAME [N]] [--from PLACE] [--follow]", completes: .nothing,
            "topics, or the newest messages of one; see also --help"
        ) { $0.runDomainCommand($0.domain.topic, $1.arguments) },
    ]

    /// The destination of results.
    var results: Output { target?.output ?? out }

    /// Runs a command that needs more than the state.
    private func runDomainCommand(
        _ command: (_ arguments: [String], _ out: Output, _ err: Output, _ interrupt: InterruptFlag) -> Int32,
        _ arguments: [String]
    ) {
        let code = command(arguments, results, err, session.interrupt)
        flush()
        closeTargetAfterUse()
        if code == 3, isInteractive { return endInterruptedLine() }
        if code != 0 { endScript(code: code == 3 ? 3 : 1) }
    }

    /// Columns that fit into a terminal of 80 columns.
    private static let lateColumns = """
        postcode, timestamp, printf('%d:%02d:%02d', lateness_ms / 3600000, lateness_ms / 60000 % 60,
        lateness_ms / 1000 % 60) AS lateness, kafka_partition AS partition, kafka_offset AS offset,
        substr(received_at, 12, 8) AS received
        """

    private static let exportColumns = """
        table_name, snapshot_id, substr(committed_at, 1, 19) || 'Z' AS committed_at, rows_added AS added,
        rows_deleted AS deleted, state
        """

    /// The order from the newest event.
    private static let receivedOrder = "received_at DESC, kafka_partition, kafka_offset DESC"

    private func showLag() {
        run(
            """
            SELECT topic, kafka_partition, next_offset, high_watermark_offset AS end_offset, lag, idle FROM partitions
            ORDER BY kafka_partition
            """)
    }

    private func newest(
        _ view: String, _ columns: String = "*", orderedBy order: String, _ invocation: Invocation
    ) {
        guard let limit = invocation.firstArgument.map({ Int($0) }) ?? 20, limit > 0 else {
            return fail("\(invocation.name) takes the number of rows to show")
        }
        run("SELECT \(columns) FROM \(view) ORDER BY \(order) LIMIT \(limit)")
    }

    // MARK: Watermark

    private func showWatermark() {
        let output = target?.output ?? out
        if isInteractive {
            output.write(
                """
                The watermark is the time of the newest event, less the delay, of the partition
                that is furthest behind; idle partitions do not count. A window is final once
                the watermark has reached its end.

                """)
        }
        for (name, sql) in Self.watermarkFacts(hasOffsets: hasColumn("max_event_offset", in: "partitions")) {
            output.write("\(name.padded(to: 14))\(first(sql) ?? "unknown: no event has been counted yet")\n")
        }
        run(
            """
            SELECT kafka_partition AS partition, max_event_time, watermark, idle, lag FROM partitions
            ORDER BY idle, watermark, kafka_partition
            """)
    }

    private static func watermarkFacts(hasOffsets: Bool) -> [(String, String)] {
        let holder =
            "SELECT * FROM partitions WHERE watermark IS NOT NULL ORDER BY idle, watermark, kafka_partition LIMIT 1"
        let record = hasOffsets ? "', offset ' || max_event_offset || " : ""
        return [
            (
                "watermark",
                """
                SELECT watermark || ', ' || (strftime('%s', ago('0s')) - strftime('%s', watermark))
                || ' s behind the clock' FROM (\(holder))
                """
            ),
            (
                "held back by",
                """
                SELECT CASE WHEN idle THEN 'nothing: every partition is idle'
                WHEN (SELECT count(*) FROM partitions WHERE NOT idle) = 1
                THEN 'partition ' || kafka_partition || ', the only one that is not idle'
                ELSE 'partition ' || kafka_partition || ', whose newest event is the oldest' END FROM (\(holder))
                """
            ),
            (
                "moved last by",
                """
                SELECT 'the event of ' || max_event_time || ' in partition ' || kafka_partition || \(record)''
                FROM (\(holder))
                """
            ),
        ]
    }

    private func hasColumn(_ column: String, in table: String) -> Bool {
        first("SELECT 1 FROM pragma_table_xinfo('\(table)') WHERE name = '\(column)'") != nil
    }

    // MARK: One window

    private func showWindow(_ arguments: [String]) {
        let minute = arguments.dropFirst().joined(separator: " ")
        guard arguments.count >= 2, let start = windowStart(minute) else {
            return fail("\\window takes a postcode and a minute, such as \\window SW19 2021-01-26T12:04")
        }
        let postcode = Self.literal(.text(arguments[0]))
        let condition = "postcode = \(postcode) AND timestamp = '\(start)'"
        let output = target?.output ?? out
        output.write("live, window of \(start)\n")
        run("SELECT postcode, timestamp, count, final FROM postcode_view_count WHERE \(condition)")
        guard mayContinue else { return }
        output.write("exported\n")
        run(
            domain.exportsOfWindow(
                start: "CAST(strftime('%s', '\(start)') AS INTEGER)", postcode: postcode,
                hasColumn: { hasColumn($0, in: $1) }))
        guard mayContinue else { return }
        output.write("late events of this window\n")
        run(
            """
            SELECT timestamp, kafka_partition AS partition, kafka_offset AS offset,
              substr(received_at, 1, 19) || 'Z' AS received_at, backfilled_at IS NOT NULL AS counted
            FROM late_events WHERE postcode = \(postcode) AND window = '\(start)' ORDER BY received_at
            """)
    }

    /// The start of the window with a time. The text is in a form of `Instant`, such as `2021-01-26T12:04`, or a time
    /// of today, such as `12:04`.
    private func windowStart(_ text: String) -> String? {
        let today = UTCText.sortable(milliseconds: wallClock()).map { String($0.prefix(10)) } ?? ""
        guard let time = Instant(text.contains("-") ? text : "\(today)T\(text)")?.seconds else { return nil }
        let recorded = first(domain.windowLength).flatMap { Int64($0) } ?? 60_000
        let seconds = max(1, recorded / 1000)
        return UTCText.seconds(time.flooredQuotient(by: seconds) * seconds)
    }
}
