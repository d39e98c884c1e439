// `pageviews maintain`: maintains the tables while no service runs on the state.

import Export
import Arguments
import Base
import Foundation
import Log
import Services

struct MaintainCommand: Sendable {
    static let command = Command(
        "maintain",
        abstract: "Merge the tables' small files, fold deletes in, expire snapshots, remove files that nothing uses.",
        discussion: """
            `pageviews ingest` does the same between its exports, when there is enough to do for a commit; this command \
            does everything at once. The state must not be in use. Each action is printed on one line.
            """,
        rows: rows,
        secrets: ExportOptions.secrets, run: { try await $0.run() })

    static let rows = Rows(
        MaintainCommand(),
        KafkaOptions.rows.lifted(\.kafka)
            + ownRows
            + ExportOptions.rows.lifted(\.export, group: ExportOptions.group) + GlobalOptions.rows.lifted(\.global),
        checks: [
            ExportOptions.check.lifted(\.export),
            Check("maintain needs --warehouse") { $0.export.warehouse != nil },
        ])

    private static let ownRows: [Option<MaintainCommand>] = [
        .state(\.state), .flag("dry-run", \.dryRun, "Only print what would be done."),
    ]

    var kafka = KafkaOptions()
    var state = "pageviews.db"
    var dryRun = false
    var export = ExportOptions()
    var global = GlobalOptions()

    func run() async throws {
        let log = global.logger
        let work = try ExistingState(path: state, holder: "pageviews maintain").tableWork(export, log: log)
        let isDry = dryRun
        let service = OneTask(name: "maintain") { stop in
            do {
                try await work.exporter().maintain(dryRun: isDry, mayGoOn: { !stop.wasSet }) { line in
                    StandardStream.output.write(line + "\n")
                }
            } catch  where Task.isCancelled {
                throw Failure("interrupted while the warehouse did not answer; run maintain again", exitCode: 3)
            }
        }
        try await ServiceGroup.run { [service] }
    }
}
