// `pageviews topic`: lists the topics of a cluster, or shows the messages of one.

import Arguments
import Base
import Foundation
import Ingest
import Query
import TopicBrowser

/// The output formats of messages.
enum TopicFormat: Equatable, Sendable {
    /// For people: indented JSON, one message below the other.
    case pretty
    /// One row per message.
    case rows(OutputFormat)

    static let kind = ValueKind<TopicFormat>(
        choices: ["pretty"] + OutputFormat.allCases.map(\.rawValue),
        read: { $0 == "pretty" ? .pretty : OutputFormat(rawValue: $0).map { .rows($0) } },
        write: { if case .rows(let format) = $0 { format.rawValue } else { "pretty" } })
}

/// `pageviews topic`.
struct TopicCommand: Sendable {
    static let command = Command(
        "topic", abstract: "List topics with their offsets and lag, or show the messages of one.",
        discussion: """
            Without a name: each partition with its first offset and its end, the number of messages, and the next offset and \
            lag of the state (where the state reads that topic) or else of the group. With a name: its messages, by default \
            the newest, in the order of their timestamps. Nothing is created, joined or committed.
            Columns of messages: kafka_partition, kafka_offset, timestamp, key, value, headers (JSON: names and values), binary (which of \
            these is not UTF-8 and therefore base64 in JSON and x'...' elsewhere). table, box and markdown shorten values.
            Exit codes: 0 done, 1 no such topic or partition, 2 wrong usage, 3 Ctrl-C, 4 Kafka could not be reached.
            """,
        rows: rows, run: { try $0.run() })

    static let rows = Rows(
        TopicCommand(),
        messageRows + BrokerOptions.rows.lifted(\.brokers) + placeRows,
        checks: [
            Check(
                "from", "is beginning, end, an offset, a time such as 2021-01-26T12:04:44Z, or one such as -1h"
            ) { $0.start != nil },
            Check("follow", "needs a format that is written as it comes: pretty, line, csv, tsv, jsonl") {
                if $0.follow, case .rows(let format)? = $0.format { format.isStreaming } else { true }
            },
            Check("--from and --follow need the name of a topic") { $0.name != nil || !$0.follow && $0.from == nil },
        ])

    private static let placeRows: [Option<TopicCommand>] = [
        .value("group", \.group, .text, "name", "The group whose lag is listed."),
        .state(\.state, kind: .file(.withExtension("db"))),
        .value(
            "timeout", \.timeout, .duration, "duration", "Longest time to wait for an answer from Kafka.",
            bounds: .from(100...3_600_000, .duration)),
        .config(\.config),
    ]

    private static let messageRows: [Option<TopicCommand>] = [
        .argument("name", \.name, .text, "The topic to show. (default: list all)"),
        .value(
            "from", \.from, .text, "place",
            "Starting point: beginning, end, an offset, a time such as 2021-01-26T12:04 (UTC), or -1h. (default: the newest; "
                + "with --follow, new messages)"),
        .value("partition", \.partition, Partitions.kind, "list", "Only these partitions, such as 0-3,7."),
        .value(
            "limit", \.limit, .number, "n", "Number of messages; 0 for all. (default: 50, with --follow all)",
            bounds: .atLeast(0)),
        .flag("follow", \.follow, "Show new messages as they arrive, until Ctrl-C.", short: "f"),
        .value(
            "format", \.format, TopicFormat.kind, "format",
            "Format of messages. (default: pretty on a terminal, else tsv)"),
        .flag("no-header", \.hasNoHeader, "Omit the line of column names."),
        .value(
            "null", \.null, .text, "text", "Text for NULL. (default: nothing in csv and tsv, else NULL)"),
        .flag("internal", \.showsInternal, "List Kafka's own topics too."),
    ]

    var name: String?
    var from: String?
    var partition: Set<PartitionID>?
    var limit: Int?
    var follow = false
    var format: TopicFormat?
    var hasNoHeader = false
    var null: String?
    var showsInternal = false
    var brokers = BrokerOptions()
    var group = "pageviews"
    var state = "pageviews.db"
    /// In milliseconds.
    var timeout: Int64 = 10_000
    var config: String?

    func run() throws {
        let code = look(Output(descriptor: 1), Output(descriptor: 2), ProcessSignals.watch())
        if code != 0 { throw ExitCode(code) }
    }

    /// The starting point; nil when --from is not valid.
    var start: StartPoint? {
        from.map { StartPoint($0, now: TimeSource.system.wall()) } ?? .end
    }

    var settings: [(String, String)] { brokers.settings(clientID: "pageviews-topic", group: group) }

    var request: BrowseRequest {
        let count = limit ?? (follow ? 0 : 50)
        var request = BrowseRequest(topic: name ?? "", start: start ?? .end, limit: count == 0 ? nil : count)
        request.partitions = partition
        request.follows = follow
        request.timeoutMilliseconds = Int(timeout)
        return request
    }
}
