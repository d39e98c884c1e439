// The program: its commands, and what turns a command line into an exit code.

package import Arguments
import Base
import Foundation
import Kafka
import Log
import SQLite
import Services

/// The program.
package enum Pageviews {
    static let version = "0.1.0"

    /// The linked libraries that correctness depends on, with their versions.
    static let libraries = ["librdkafka \(Kafka.libraryVersion)", "SQLite \(SQLite.libraryVersion)"]

    /// One warning for each library that is too old for something the program needs.
    static var libraryWarnings: [String] { [Kafka.libraryWarning(), SQLite.libraryWarning()].compactMap { $0 } }

    /// The largest number of threads that a command runs at once, librdkafka's included.
    static func threads(of command: Command) -> Int {
        [IngestCommand.command.name, DemoCommand.command.name].contains(command.name) ? 24 : 4
    }

    static let program = Program(
        "pageviews", version: version, versionDetails: libraries,
        abstract: "Count page views from Kafka and query the counts with SQL.",
        discussion: """
            Every option can also be given as an environment variable (PAGEVIEWS_ and the option's name in capitals, \
            dashes as underscores) or in a YAML or JSON file named by --config. The flag wins, then the environment, \
            then the file. Durations take ms, s, m, h, d.
            Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 deadline or interrupt, 4 a service could not be \
            reached, 5 the state is in use or belongs to another cluster or topic.
            """,
        commands: configurable + [ManualCommand.command, SettingsCommand.command])

    /// The commands that have settings of their own.
    static let configurable = [
        IngestCommand.command, QueryCommand.command, ReplCommand.command, StatusCommand.command, TopicCommand.command,
        GenerateCommand.command, BackfillCommand.command, RestoreCommand.command, ProofCommand.command,
        MaintainCommand.command, BackupCommand.command, ResolveCommand.command, DemoCommand.command,
    ]

    /// The request that a command line makes.
    package enum Request {
        /// The answer is printed; the exit code is known.
        case done(Int32)
        /// A command to run with its settings.
        case run(Command, [Assignment])
    }

    /// Reads the command line, prints help or the version when asked to, and checks that the system can supply the
    /// command's threads. It is not `async`: a task never starts when the system refuses to create its thread.
    package static func request() -> Request {
        StandardStream.reserveDescriptors()
        var command: Command?
        do {
            try ProcessArguments.checkBytes()
            let (arguments, environment) = (try ProcessArguments.read(), ProcessInfo.processInfo.environment)
            switch try program.plan(arguments, width: Terminal.width(environment)) {
            case .show(let text):
                StandardStream.output.write(text)
                try checkStreams()
                return .done(0)
            case .run(let wanted, let arguments):
                command = wanted
                try ThreadSupply.check(threads(of: wanted), stackBytes: 16 << 20)
                return .run(wanted, try SettingSources(environment: environment).assignments(of: wanted, arguments))
            }
        } catch {
            return .done(report(error, of: command))
        }
    }

    /// Carries out a request, and prints the error that ended it.
    /// - Returns: the exit code.
    package static func perform(_ request: Request) async -> Int32 {
        switch request {
        case .done(let code): return code
        case .run(let command, let settings):
            do {
                try await command.run(settings)
                try checkStreams()
                return 0
            } catch {
                return report(error, of: command)
            }
        }
    }

    private static func checkStreams() throws {
        for stream in [StandardStream.output, .error] { try stream.check() }
    }

    /// Prints an error and returns its exit code.
    private static func report(_ error: any Error, of command: Command?) -> Int32 {
        if let code = error as? ExitCode { return code.rawValue }
        let mark = Journal.prefix(.error)
        if let error = error as? UsageError {
            StandardStream.error.write(mark + program.asked(error, of: command).text)
            return 2
        }
        let known = Failure(error) ?? Failure("\(error)", exitCode: 1)
        StandardStream.error.write("\(mark)pageviews: \(known.text.onOneLine)\n")
        return known.exitCode
    }
}
