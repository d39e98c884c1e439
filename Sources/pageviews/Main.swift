// The entry: settings from flags, environment and file become one list of arguments; the parser and the exit codes of the
// contract (docs: README, "Exit codes") do the rest.

internal import ArgumentParser
internal import Foundation
internal import Ingest
internal import Log
internal import Store

@main
enum Main {
    static func main() async {
        // A reader that goes away ends output with an error from write, not the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            // Even the program's own name comes from there.
            guard !CommandLine.arguments.isEmpty else {
                throw Failure("cannot read the arguments: /proc is not mounted", exitCode: 2)
            }
            let arguments = try SettingsExpansion(
                arguments: Array(CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment
            ).expanded()
            var command = try Pageviews.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            exit(report(error))
        }
    }

    /// Prints what ended the program and gives its exit code.
    private static func report(_ error: any Error) -> Int32 {
        if let code = error as? ExitCode { return code.rawValue }
        if let known = Failure(error) {
            write("\(Journal.prefix(.error))pageviews: \(known.text)\n", to: .standardError)
            return known.exitCode
        }
        let text = Pageviews.fullMessage(for: error)
        guard Pageviews.exitCode(for: error) != .success else {
            write(text + "\n", to: .standardOutput)
            return 0
        }
        write(Journal.prefix(.error) + text + "\n" + hint(for: text), to: .standardError)
        return 2
    }

    /// What a valid value looks like, where the parser only says that one is not.
    private static func hint(for message: String) -> String {
        if message.contains("<duration>'") {
            return "A duration is a whole number with ms, s, m, h or d, such as 200ms or 7d.\n"
        }
        if message.contains("<size>'") { return "A size is a whole number with KiB, MiB or GiB, such as 10GiB.\n" }
        return ""
    }

    private static func write(_ text: String, to file: FileHandle) {
        try? file.write(contentsOf: Data(text.utf8))
    }
}

/// The whole program.
struct Pageviews: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "pageviews",
        abstract: "Page views from Kafka to counts that SQL can ask.",
        discussion: """
            Every option can also be given as an environment variable (PAGEVIEWS_ and the option's name in capitals, \
            dashes as underscores) or in a YAML or JSON file named by --config. The flag wins, then the environment, \
            then the file. Durations take ms, s, m, h, d.
            Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 deadline or interrupt, 4 a service could not be \
            reached, 5 the state is in use or belongs to another cluster or topic.
            """,
        version: Self.version,
        subcommands: [
            IngestCommand.self, QueryCommand.self, ReplCommand.self, StatusCommand.self, TopicCommand.self,
            GenerateCommand.self, BackfillCommand.self, RestoreCommand.self, ProofCommand.self, MaintainCommand.self,
            BackupCommand.self, ResolveCommand.self, DemoCommand.self, ManualCommand.self,
        ])
}
