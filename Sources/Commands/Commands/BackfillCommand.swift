// `pageviews backfill`: adds late events to the counts that they missed, checked against the raw table.
//
// While it runs it is the state's one writer: `Store` takes the lock or throws `StoreError.inUse`. --dry-run only
// reads. A backfill that is interrupted at any moment continues from there in the next run, because each chunk is one
// transaction.

import Export
import Tables
import Recovery
import Arguments
import Base
import Foundation
import State
import Windowing

struct BackfillCommand: Sendable {
    static let command = Command(
        "backfill", abstract: "Add late events to their counts, checked against the raw table, and export the result.",
        discussion: """
            Processes every window with late events that were not added yet, or all windows between --from and --to. A \
            window that the raw table cannot confirm stays unchanged, is named, and makes the exit code 1. While a service \
            holds the state, `ingest --backfill-every 1h` does this work; --dry-run works beside a running service.
            """,
        rows: rows,
        secrets: ExportOptions.secrets, run: { try await $0.run() })

    static let rows = Rows(
        BackfillCommand(),
        KafkaOptions.rows.lifted(\.kafka) + ownRows + ExportOptions.rows.lifted(\.export, group: ExportOptions.group)
            + GlobalOptions.rows.lifted(\.global),
        checks: [
            ExportOptions.check.lifted(\.export),
            Check("backfill reads the raw table: give the --warehouse that `ingest` exports to") {
                $0.export.warehouse != nil
            },
            Check("from", "must be before --to") { $0.from ?? .min < $0.to ?? .max },
        ])

    private static let ownRows: [Option<BackfillCommand>] = [
        .state(\.state),
        .value(
            "from", \.from, TimeArgument.kind, "time",
            "From the window that holds this time, such as 2021-01-26T12:04:00Z."),
        .value("to", \.to, TimeArgument.kind, "time", "Up to this time (exclusive)."),
        .flag("dry-run", \.dryRun, "Only print the old count, the new count and the difference."),
        .value(
            "counts-per-chunk", \.countsPerChunk, .number, "n", "Counts changed in one transaction.",
            bounds: Bounds("must be above 0") { $0 > 0 }
        ).hidden,
    ]

    var kafka = KafkaOptions()
    var state = "pageviews.db"
    /// In seconds since 1970.
    var from: Int64?
    var to: Int64?
    var dryRun = false
    var countsPerChunk = 20_000
    var export = ExportOptions()
    var global = GlobalOptions()

    func run() async throws {
        let existing = ExistingState(path: state, holder: "pageviews backfill")
        let length = try existing.windows().windowMilliseconds / 1000
        let work = try tableWork(existing)
        let exporter = work.exporter()
        do {
            // First settle what an earlier process left open, because that moves rows.
            if !dryRun { try await exporter.cycle() }
            let result = try await backfill(work, request(windowSeconds: length))
            if !dryRun { try await exporter.cycle() }
            try end(result)
        } catch let error as Failure {
            throw error
        } catch let error as TableError where error.isForeign {
            throw error
        } catch {
            throw Failure("backfill: \(error)", exitCode: Failure.exitCode(ofExport: error))
        }
    }

    /// A dry run reads the state as it is now; a service may be writing it.
    private func tableWork(_ existing: ExistingState) throws -> TableWork {
        do {
            if dryRun {
                do {
                    return try existing.tableWork(export, access: .reading, log: global.logger)
                } catch StoreError.olderVersion {
                    // Migrating the state needs its one writer, so open it for writing.
                }
            }
            return try existing.tableWork(export, log: global.logger)
        } catch StoreError.inUse(_, let holder) {
            throw Failure(
                "state \(state) is in use by \(holder); start that service with --backfill-every 1h and it backfills on its own, "
                    + "or stop it first; --dry-run works beside it", exitCode: 5)
        }
    }

    private func request(windowSeconds length: Int64) -> BackfillRequest {
        var request = BackfillRequest()
        if from != nil || to != nil {
            let first = from.map { WindowStart(seconds: $0 - $0 % length) } ?? .first
            request = BackfillRequest(windows: first..<(to.map(WindowStart.init(seconds:)) ?? .last))
        }
        request.isDryRun = dryRun
        request.countsPerChunk = countsPerChunk
        return request
    }

    private func backfill(_ work: TableWork, _ request: BackfillRequest) async throws -> BackfillResult {
        var progress = BackfillProgress(isTerminal: Terminal.takesEscapes(2))
        if dryRun { StandardStream.output.write("postcode\ttimestamp\told\tnew\tdifference\n") }
        return try await work.backfill().run(request) { step in
            progress.clear()
            if dryRun {
                StandardStream.output.write(Self.lines(step.outcome.changes))
            }
            for window in step.outcome.unconfirmed {
                StandardStream.error.write(
                    "window \(TimeArgument.text(window.windowStart.seconds)) unchanged: \(window.reason)\n")
            }
            progress.show(step)
        }
    }

    private func end(_ result: BackfillResult) throws {
        let verb = dryRun ? "would be added" : "added"
        StandardStream.error.write(
            "\(result.windows) windows checked: \(result.events) late events \(verb) to \(result.counts) counts, "
                + "\(result.unconfirmed) windows unconfirmed\n")
        guard result.unconfirmed > 0 else { return }
        throw Failure(
            "the raw table cannot confirm \(result.unconfirmed) windows, which stay unchanged", exitCode: 1)
    }

    /// One line per count. Counts arrive window by window, so each window's text is formatted once.
    private static func lines(_ changes: [BackfillChange]) -> String {
        var lines = ""
        var window: (start: WindowStart, text: String)?
        for change in changes {
            let text =
                window?.start == change.windowStart ? window?.text ?? "" : TimeArgument.text(change.windowStart.seconds)
            window = (change.windowStart, text)
            lines += "\(change.postcode)\t\(text)\t\(change.old)\t\(change.new)\t\(change.new - change.old)\n"
        }
        return lines
    }
}
