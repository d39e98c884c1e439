// `pageviews backup`: copies the state, whether or not the service is running.

import Recovery
import Arguments
import Foundation

/// `pageviews backup`.
struct BackupCommand: Sendable {
    static let command = Command(
        "backup", abstract: "Copy a state, whether or not a service is running on it.",
        discussion: """
            The copy is the state at one moment, made by SQLite's online backup, with the raw files that wait for \
            export in FILE.spool. Nothing is overwritten. To return to it, stop the service and put FILE and FILE.spool \
            in the place of the state and its spool: counting continues from the copy's offsets. Once the service has \
            exported more than the copy records, ingest refuses to export from it; then build the state from the tables \
            with restore.
            """,
        rows: rows, run: { try $0.run() })

    static let rows = Rows(
        BackupCommand(),
        [
            .argument("file", \.file, .text, "The file to create."), .state(\.state), .config(\.config),
        ])

    var file = ""
    var state = "pageviews.db"
    var config: String?

    func run() throws {
        guard !file.isEmpty, file.last != "/" else {
            throw Failure("'\(file)' is not a file name; give the name of a new file", exitCode: 2)
        }
        try ExistingState.check(state)
        // Absolute, so that no later step reads a name such as - as something else.
        let path = file.hasPrefix("/") ? file : FileManager.default.currentDirectoryPath + "/" + file
        do {
            let made = try StateBackup(of: state, to: path).make()
            let text =
                "\(file): generation \(made.generation), \(made.bytes) bytes, \(made.segments) segments that wait for export\n"
            StandardStream.output.write(text)
        } catch let error as BackupError {
            throw Failure(error.description, exitCode: 1)
        } catch {
            throw Failure(error) ?? Failure("\(file) cannot be made: \(error.localizedDescription)", exitCode: 1)
        }
    }
}
