// `pageviews topic`: the topics of a cluster, and the messages of one.

internal import Base
internal import ArgumentParser
internal import Foundation
internal import Ingest
internal import Query
internal import TopicBrowser

/// How messages are written.
enum TopicFormat: ExpressibleByArgument, Equatable {
    /// For people: JSON laid out, one message below the other.
    case pretty
    /// One row per message.
    case rows(OutputFormat)

    init?(argument: String) {
        if argument == "pretty" {
            self = .pretty
        } else {
            guard let format = OutputFormat(rawValue: argument) else { return nil }
            self = .rows(format)
        }
    }

    static let allValueStrings = ["pretty"] + OutputFormat.allCases.map(\.rawValue)

    var defaultValueDescription: String {
        if case .rows(let format) = self { format.rawValue } else { "pretty" }
    }
}

/// `pageviews topic`.
struct TopicCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topic",
        abstract: "List topics with their offsets and lag, or look at the messages of one.",
        discussion: """
            Without a name: each partition with its first offset and its end, the number of messages, and the next offset and \
            lag of the state (where the state reads that topic) or else of the group. With a name: its messages, by default \
            the newest, in the order of their timestamps. Nothing is created, joined or committed.
            Columns of messages: kafka_partition, kafka_offset, timestamp, key, value, headers (JSON: names and values), binary (which of \
            these is not UTF-8 and therefore base64 in JSON and x'...' elsewhere). table, box and markdown shorten values.
            Exit codes: 0 done, 1 no such topic or partition, 2 wrong usage, 3 Ctrl-C, 4 Kafka could not be reached.
            """)

    @Argument(help: "The topic to look at. (default: list all)")
    var name: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Where to begin: beginning, end, an offset, a time such as 2021-01-26T12:04 (UTC), or -1h. (default: the newest; "
                + "with --follow what comes)", valueName: "place"))
    var from: String?

    @Option(help: ArgumentHelp("Only these partitions, such as 0-3,7.", valueName: "list"))
    var partition = PartitionsArgument()

    @Option(help: ArgumentHelp("How many messages; 0 for all. (default: 50, with --follow all)", valueName: "n"))
    var limit: Int?

    @Flag(name: [.short, .long], help: "Go on with messages as they come, until Ctrl-C.")
    var follow = false

    @Option(help: ArgumentHelp("How messages are written. (default: pretty on a terminal, else tsv)"))
    var format: TopicFormat?

    @Flag(name: .customLong("no-header"), help: "Leave out the line of column names.")
    var hasNoHeader = false

    @Option(help: ArgumentHelp("What stands for NULL. (default: nothing in csv and tsv, else NULL)", valueName: "text"))
    var null: String?

    @Flag(name: .customLong("internal"), help: "List Kafka's own topics too.")
    var showsInternal = false

    @OptionGroup var brokers: BrokerOptions

    @Option(help: ArgumentHelp("The group whose lag is listed.", valueName: "name"))
    var group = "pageviews"

    @Option(help: ArgumentHelp("The state file.", valueName: "file"), completion: .file(extensions: ["db"]))
    var state = "pageviews.db"

    @Option(help: ArgumentHelp("How long Kafka may take to answer.", valueName: "duration"))
    var timeout = DurationArgument(milliseconds: 10_000)

    @Option(help: ArgumentHelp("Read settings from a YAML or JSON file.", valueName: "file"))
    var config: String?

    func validate() throws {
        guard limit ?? 0 >= 0 else { throw ValidationError("--limit cannot be negative") }
        guard (100...3_600_000).contains(timeout.milliseconds) else {
            throw ValidationError("--timeout must be from 100ms to 1h")
        }
        guard start != nil else {
            throw ValidationError(
                "--from is beginning, end, an offset, a time such as 2021-01-26T12:04:44Z, or one such as -1h")
        }
        if follow, case .rows(let format)? = format, !format.isStreaming {
            throw ValidationError("--follow needs a format that is written as it comes: pretty, line, csv, tsv, jsonl")
        }
        if name == nil, follow || from != nil { throw ValidationError("--from and --follow need the name of a topic") }
    }

    func run() throws {
        let code = look(Output(descriptor: 1), Output(descriptor: 2), ProcessSignals.watch())
        if code != 0 { throw ExitCode(code) }
    }

    /// Where to begin; nil when it was not understood.
    var start: StartPoint? {
        from.map { StartPoint($0, now: TimeSource.system.wall()) } ?? .end
    }

    var settings: [(String, String)] { brokers.settings(clientID: "pageviews-topic", group: group) }

    var request: BrowseRequest {
        let count = limit ?? (follow ? 0 : 50)
        var request = BrowseRequest(topic: name ?? "", start: start ?? .end, limit: count == 0 ? nil : count)
        request.partitions = partition.partitions
        request.follows = follow
        request.patienceMilliseconds = Int(timeout.milliseconds)
        return request
    }
}
