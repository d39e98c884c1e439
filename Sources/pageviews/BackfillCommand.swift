// `pageviews backfill`: adds late events to the counts they came too late for, checked against the raw table.
// Invariants: it is the state's one writer while it runs; ended at any moment, it goes on where it was.

internal import ArgumentParser
internal import Export
internal import Foundation
internal import Store
internal import Windowing

struct BackfillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backfill",
        abstract: "Add late events to their counts, checked against the raw table, and export the result.",
        discussion: """
            Takes every window with late events that were not added yet, or all windows between --from and --to. A window \
            that the raw table does not vouch for stays as it is, is named, and makes the exit code 1. While a service holds \
            the state, `ingest --backfill-every 1h` does this work; --dry-run looks at the state beside it.
            """)

    @OptionGroup var kafka: KafkaOptions

    @Option(help: ArgumentHelp("The state file.", valueName: "file"))
    var state = "pageviews.db"

    @Option(
        help: ArgumentHelp("From the window that holds this time, such as 2021-01-26T12:04:00Z.", valueName: "time"))
    var from: TimeArgument?

    @Option(help: ArgumentHelp("Up to this time (exclusive).", valueName: "time"))
    var to: TimeArgument?

    @Flag(help: "Only print the old count, the new count and the difference.")
    var dryRun = false

    @Option(help: ArgumentHelp("Counts changed in one transaction.", visibility: .hidden))
    var countsPerChunk = 20_000

    @OptionGroup(title: "Export") var export: ExportOptions

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard export.warehouse != nil else {
            throw ValidationError("backfill reads the raw table: give the --warehouse that `ingest` exports to")
        }
        guard countsPerChunk > 0 else { throw ValidationError("--counts-per-chunk must be above 0") }
        if let from, let to, from.seconds >= to.seconds { throw ValidationError("--from must be before --to") }
    }

    func run() async throws {
        let existing = ExistingState(path: state, holder: "pageviews backfill")
        let length = try existing.windows().windowMilliseconds / 1000
        let exporter = try makeExporter(existing)
        do {
            // What an earlier process left open comes first: it moves rows.
            if !dryRun { try await exporter.cycle() }
            let result = try await backfill(exporter, request(windowSeconds: length))
            if !dryRun { try await exporter.cycle() }
            try end(result)
        } catch let error as Failure {
            throw error
        } catch let error as ExportError where error.isForeign {
            throw error
        } catch {
            throw Failure("backfill: \(error)", exitCode: Failure.exitCode(ofExport: error))
        }
    }

    /// A dry run looks at the state as it is now, beside whoever writes it.
    private func makeExporter(_ existing: ExistingState) throws -> Exporter {
        do {
            if dryRun {
                do {
                    return try existing.exporter(export, access: .reading, log: global.logger)()
                } catch StoreError.olderVersion {
                    // It has to be brought to this version first, by its one writer.
                }
            }
            return try existing.exporter(export, log: global.logger)()
        } catch StoreError.inUse(_, let holder) {
            throw Failure(
                "state \(state) is in use by \(holder); start that service with --backfill-every 1h and it backfills by itself, "
                    + "or stop it first; --dry-run works beside it", exitCode: 5)
        }
    }

    private func request(windowSeconds length: Int64) -> BackfillRequest {
        var request = BackfillRequest()
        if from != nil || to != nil {
            let first = from.map { $0.seconds - $0.seconds % length } ?? Int64.min
            request = BackfillRequest(windows: first..<(to?.seconds ?? Int64.max))
        }
        request.isDryRun = dryRun
        request.countsPerChunk = countsPerChunk
        return request
    }

    private func backfill(_ exporter: Exporter, _ request: BackfillRequest) async throws -> BackfillResult {
        var progress = BackfillProgress(isTerminal: isatty(2) == 1)
        if dryRun { Self.say("postcode\ttimestamp\told\tnew\tdifference\n") }
        return try await exporter.backfill(request) { step in
            progress.clear()
            if dryRun {
                Self.say(Self.lines(step.outcome.changes))
            }
            for window in step.outcome.unvouched {
                Self.tell("window \(TimeArgument.text(window.windowStart)) left as it is: \(window.reason)\n")
            }
            progress.show(step)
        }
    }

    private func end(_ result: BackfillResult) throws {
        let verb = dryRun ? "would be added" : "added"
        Self.tell(
            "\(result.windows) windows looked at: \(result.events) late events \(verb) to \(result.counts) counts, "
                + "\(result.unvouched) windows left as they are\n")
        guard result.unvouched > 0 else { return }
        throw Failure(
            "the raw table does not vouch for \(result.unvouched) windows, which stay as they are", exitCode: 1)
    }

    /// One line a count; they come window by window, and making a window's text takes time.
    private static func lines(_ changes: [BackfillChange]) -> String {
        var lines = ""
        var window: (start: Int64, text: String)?
        for change in changes {
            let text = window?.start == change.windowStart ? window?.text ?? "" : TimeArgument.text(change.windowStart)
            window = (change.windowStart, text)
            lines += "\(change.postcode)\t\(text)\t\(change.old)\t\(change.new)\t\(change.new - change.old)\n"
        }
        return lines
    }

    private static func say(_ text: String) { try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) }
    static func tell(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}
