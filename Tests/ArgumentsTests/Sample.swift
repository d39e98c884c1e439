// A small program of two commands, for the tests of parsing, help, the manual and completions.

@testable import Arguments

/// Settings that have every kind of row.
struct Sample: Equatable, Sendable {
    enum Colour: String, CaseIterable, Sendable {
        case red, green
    }

    struct Limits: Equatable, Sendable {
        var size: Int64 = 64 << 20
        var share = 0.5
    }

    var word: String?
    var state = "a.db"
    var window: Int64 = 60_000
    var count: Int?
    var span: Int64?
    var colour = Colour.red
    var pairs: [String] = []
    var isQuiet = false
    var keeps = true
    var follow = false
    var limits = Limits()
    var inner = 1

    private static let limitRows: [Option<Limits>] = [
        .value("size", \.size, .size, "size", "The most of it."),
        .value(
            "share", \.share, .number, "share", "The part of it.",
            bounds: Bounds("must be above 0 and at most 1") { $0 > 0 && $0 <= 1 }),
    ]

    static let rows = Rows(
        Sample(),
        ownRows + limitRows.lifted(\.limits, group: "Limits") + [
            Option<Sample>.value("inner", \.inner, .number, "n", "Not told of.").hidden
        ],
        checks: [Check("span", "needs --count") { $0.span == nil || $0.count != nil }])

    private static let ownRows: [Option<Sample>] = [
        .argument("word", \.word, .text, "The word."),
        .value("state", \.state, .file(.withExtension("db")), "file", "The state file.", short: "s"),
        .value(
            "window", \.window, .duration, "duration", "Length of windows.", bounds: .from(1000...86_400_000, .duration)
        ),
        .value("count", \.count, .number, "n", "How many. (default: all)", bounds: .atLeast(0)),
        .value("span", \.span, .duration, "duration", "How long."),
        .value("colour", \.colour, .choice, "colour", "Of the sky's colours, the one that it has."),
        .list("pair", \.pairs, .text, "key=value", "A pair; repeatable.", short: "p", ofPairs: true)
            .showing { $0.hasPrefix("secret=") ? "secret=set" : $0 },
        .flag("quiet", \.isQuiet, "Say nothing.", short: "q"),
        .flag("keep", \.keeps, "Keep what is there.", isInvertible: true),
        .flag("follow", \.follow, "Go on.", short: "f"),
    ]
}

/// A command with a word that must be there.
struct Copy: Sendable {
    var file = ""

    static let rows = Rows(Copy(), [.argument("file", \.file, .text, "The file to make.")])
}

/// A command that takes another's line.
struct Explain: Sendable {
    var name = ""
    var rest: [String] = []

    static let rows = Rows(
        Explain(),
        [.argument("command", \.name, .text, "The command."), .rest("options", \.rest, "Its options.")])
}

let sample = Program(
    "tool", version: "1.2.3", abstract: "Does things.", discussion: "It's a tool.\nOf two lines.",
    commands: [
        Command("look", abstract: "Look at things.", discussion: "With care.", rows: Sample.rows, run: { _ in }),
        Command("copy", abstract: "Copy a thing: all of it [twice].", rows: Copy.rows, run: { _ in }),
        Command("explain", abstract: "Explain a command.", rows: Explain.rows, run: { _ in }),
    ])

/// The settings of command line, environment and further assignments that come first.
func settings(
    _ arguments: [String], _ environment: [String: String] = [:], file: [Assignment] = []
) throws -> Settings<Sample> {
    let infos = Sample.rows.infos
    return try Sample.rows.read(
        file + infos.assignments(ofEnvironment: environment) + infos.assignments(of: arguments))
}
