// `pageviews resolve`: closes incidents that the service does not close.

import State
import Base
import Arguments
import Foundation
import Ingest

/// `pageviews resolve`.
struct ResolveCommand: Sendable {
    static let command = Command(
        "resolve", abstract: "Mark the open incidents of a kind as dealt with.",
        discussion: """
            For incidents that the service does not close, such as missing-offsets: `pageviews status` is unhealthy until \
            you resolve them. The row stays in the table incidents. The state must not be in use: stop the service first (exit 5).
            """,
        rows: rows, run: { try $0.run() })

    static let rows = Rows(
        ResolveCommand(),
        [
            .argument("kind", \.kind, .text, "The incidents' kind, as the table incidents has it."), .state(\.state),
            .config(\.config),
        ])

    var kind = ""
    var state = "pageviews.db"
    var config: String?

    func run() throws {
        let store = try ExistingState(path: state, holder: "pageviews resolve").open()
        let resolved = try store.openIncidents(ofKind: kind)
        guard resolved > 0 else { throw Failure("there is no open incident of kind \(kind) in \(state)", exitCode: 1) }
        try store.resolve(incidentsOfKind: kind, now: TimeSource.system.wall())
        StandardStream.output.write("\(resolved) resolved\n")
    }
}
