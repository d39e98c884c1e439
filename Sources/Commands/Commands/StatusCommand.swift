// `pageviews status`: one screen, from the state and the heartbeat file beside it.

import Health
import Base
import Arguments
import Foundation
import Ingest
import SQLite

/// The output formats.
enum StatusFormat: String, CaseIterable, Sendable {
    case text, json
}

struct StatusCommand: Sendable {
    static let command = Command(
        "status", abstract: "Show the health of a state and its service; exit 1 when something is wrong.",
        discussion: """
            Reads the state and the heartbeat that the service keeps beside it (STATE.health), so it works whether or not \
            the service is running, and changes nothing. Unhealthy: no service, no flush for 3 intervals while there is \
            something to write, no export for 3 intervals while there is something to export, a backlog over half its \
            budget, a lag that grew for 5 minutes, a stuck partition, Kafka or the warehouse unreachable, a burst of \
            rejected messages, an open incident. Intervals and budget are those the service was started with.
            Exit codes: 0 healthy, 1 unhealthy, 2 wrong usage.
            """,
        rows: rows, run: { try $0.run() })

    static let rows = Rows(
        StatusCommand(),
        ownRows + KafkaOptions.rows.lifted(\.kafka, isHidden: true)
            + ExportOptions.rows.lifted(\.export, isHidden: true) + GlobalOptions.rows.lifted(\.global),
        checks: [ExportOptions.check.lifted(\.export)])

    private static let ownRows: [Option<StatusCommand>] = [
        .state(\.state, kind: .file(.withExtension("db"))),
        .value("format", \.format, .choice, "format", "Output format."),
        .value(
            "watch", \.watch, .duration, "duration", "Repeat at this interval until interrupted.",
            bounds: Bounds("must be 100ms or more") { $0 >= 100 }),
    ]

    var state = "pageviews.db"
    var format = StatusFormat.text
    /// In milliseconds.
    var watch: Int64?
    // Accepts the options of `ingest`, so that one set of arguments works for both. The heartbeat holds the values that
    // matter here.
    var kafka = KafkaOptions()
    var export = ExportOptions()
    var global = GlobalOptions()

    func run() throws {
        let reader = StatusReader(path: state)
        var (report, isRead) = try show(reader)
        while let watch, isRead {
            usleep(UInt32(clamping: min(watch, 4_000_000) * 1000))
            (report, isRead) = try show(reader)
        }
        if !report.isHealthy { throw ExitCode(1) }
    }

    /// - Returns: the report, and whether the output still has a reader.
    private func show(_ reader: StatusReader) throws -> (StatusReport, isRead: Bool) {
        var facts: StatusFacts
        do {
            facts = try reader.factsFromFiles(now: TimeSource.system.wall())
        } catch let error as SQLiteError {
            facts = StatusFacts(now: TimeSource.system.wall(), path: state)
            facts.unreadable = error.message
        }
        let report = StatusReport(facts)
        let isScreen = watch != nil && format == .text && Terminal.takesEscapes(1)
        let text = (isScreen ? "\u{1B}[H\u{1B}[2J" : "") + (format == .json ? report.json(pretty: true) : report.screen)
        return (report, StandardStream.output.write(text + "\n"))
    }
}
