// `pageviews maintain`: maintenance by itself, while no service runs on the state.

internal import ArgumentParser
internal import Export
internal import Foundation
internal import Log
internal import Services

struct MaintainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintain",
        abstract: "Merge the tables' small files, fold deletes in, expire snapshots, remove files that nothing uses.",
        discussion: """
            `pageviews ingest` does the same between its exports, as far as it is worth a commit; this command does all there is \
            to do. The state must not be in use. What was done is printed, one line each.
            """)

    @OptionGroup var kafka: KafkaOptions

    @Option(help: ArgumentHelp("The state file.", valueName: "file"))
    var state = "pageviews.db"

    @Flag(help: "Only print what would be done.")
    var dryRun = false

    @OptionGroup(title: "Export") var export: ExportOptions

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard export.warehouse != nil else { throw ValidationError("maintain needs --warehouse") }
    }

    func run() async throws {
        let log = global.logger
        let exporter = try ExistingState(path: state, holder: "pageviews maintain").exporter(export, log: log)
        let isDry = dryRun
        let service = OneTask(name: "maintain") { stop in
            try await exporter().maintain(dryRun: isDry, mayGoOn: { !stop.wasSet }) { line in
                try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
            }
        }
        try await ServiceGroup.run { [service] }
    }
}
