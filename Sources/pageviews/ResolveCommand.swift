// `pageviews resolve`: says that somebody has dealt with an incident that is not over by itself.

internal import Base
internal import ArgumentParser
internal import Foundation
internal import Ingest
internal import Store

/// `pageviews resolve`.
struct ResolveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Mark the open incidents of a kind as dealt with.",
        discussion: """
            For incidents that nothing ends by itself, such as missing-offsets: `pageviews status` is unhealthy until somebody has \
            seen them. The row stays in the table incidents. The state must not be in use: stop the service first (exit 5).
            """)

    @Argument(help: ArgumentHelp("The incidents' kind, as the table incidents has it.", valueName: "kind"))
    var kind: String

    @Option(help: ArgumentHelp("The state file.", valueName: "file"))
    var state = "pageviews.db"

    @Option(help: ArgumentHelp("Read settings from a YAML or JSON file.", valueName: "file"))
    var config: String?

    func run() throws {
        let store = try ExistingState(path: state, holder: "pageviews resolve").open()
        let resolved = try store.openIncidents(ofKind: kind)
        guard resolved > 0 else { throw Failure("there is no open incident of kind \(kind) in \(state)", exitCode: 1) }
        try store.resolve(incidentsOfKind: kind, now: TimeSource.system.wall())
        FileHandle.standardOutput.write(Data("\(resolved) resolved\n".utf8))
    }
}
