// Command lines and other sources become settings; what is wrong is told with its origin.

import Testing

@testable import Arguments

@Suite("Command lines")
struct ParsingTests {
    static let right: [([String], @Sendable (inout Sample) -> Void)] = [
        ([], { _ in }),
        (["--state", "b.db"], { $0.state = "b.db" }),
        (["--state=b=c"], { $0.state = "b=c" }),
        (["--state="], { $0.state = "" }),
        (["-s", "b.db"], { $0.state = "b.db" }),
        (["-sb.db"], { $0.state = "b.db" }),
        (["-s=b.db"], { $0.state = "b.db" }),
        (["-s="], { $0.state = "" }),
        (["--state", "-"], { $0.state = "-" }),
        (["--state=--odd"], { $0.state = "--odd" }),
        (["--state", "a", "--state", "b"], { $0.state = "b" }),
        (["--window", "90s", "w", "--count", "3"], { ($0.window, $0.word, $0.count) = (90_000, "w", 3) }),
        (["--", "--state"], { $0.word = "--state" }),
        (["--quiet", "--", "-q"], { ($0.isQuiet, $0.word) = (true, "-q") }),
        (["-qf"], { ($0.isQuiet, $0.follow) = (true, true) }),
        (["-qs", "x"], { ($0.isQuiet, $0.state) = (true, "x") }),
        (["-qsx"], { ($0.isQuiet, $0.state) = (true, "x") }),
        (["--no-keep"], { $0.keeps = false }),
        (["--no-keep", "--keep"], { $0.keeps = true }),
        (["--pair", "a=1", "-p", "b=2", "-pc=3"], { $0.pairs = ["a=1", "b=2", "c=3"] }),
        (["--size", "1GiB", "--share", "1"], { ($0.limits.size, $0.limits.share) = (1 << 30, 1) }),
        (["--span", "1s", "--count", "0"], { ($0.span, $0.count) = (1000, 0) }),
        (["--colour", "green", "--inner", "7"], { ($0.colour, $0.inner) = (.green, 7) }),
        (["--inner", "-7"], { $0.inner = -7 }),
        (["-1"], { $0.word = "-1" }),
        (["e\u{301}=x"], { $0.word = "e\u{301}=x" }),
    ]

    @Test("GNU conventions hold", arguments: 0..<right.count)
    func conventions(_ index: Int) throws {
        let (arguments, change) = Self.right[index]
        var expected = Sample()
        change(&expected)
        #expect(try settings(arguments).values == expected, "\(arguments)")
    }

    @Test(
        "what is wrong is named",
        arguments: [
            (["--stat", "x"], "Unknown option '--stat'. Did you mean '--state'?"),
            (["--stat=x"], "Unknown option '--stat'. Did you mean '--state'?"),
            (["-state", "x", "y"], "Unexpected argument 'y'"),
            (["-window", "x"], "Unknown option '-window'. Did you mean '--window'?"),
            (["--frobnicate"], "Unknown option '--frobnicate'"), (["-Z"], "Unknown option '-Z'"),
            (["-qZ"], "Unknown option '-qZ'"), (["--no-quiet"], "Unknown option '--no-quiet'. Did you mean '--quiet'?"),
            (["--innner=1"], "Unknown option '--innner'"),
            (["--state"], "Missing value for '--state <file>'"), (["-s"], "Missing value for '-s <file>'"),
            (["--state", "--quiet"], "Missing value for '--state <file>'"),
            (["--state", "--", "x"], "Missing value for '--state <file>'"),
            (["--quiet=yes"], "The option '--quiet' does not take any value, but 'yes' was specified."),
            (["--no-keep="], "The option '--no-keep' does not take any value, but '' was specified."),
            (["a", "b"], "Unexpected argument 'b'"), (["a", "b", "c"], "2 unexpected arguments: 'b', 'c'"),
            (["a", "\u{1B}[2J"], "Unexpected argument '\\u{1b}[2J'"),
            (["--window", "1x"], "The value '1x' is invalid for '--window <duration>'"),
            (["--window", "-1s"], "The value '-1s' is invalid for '--window <duration>'"),
            (["--window", "999ms"], "--window must be from 1s to 1d"),
            (["--count=-1"], "--count cannot be negative"),
            (["--share", "2"], "--share must be above 0 and at most 1"),
            (["--share", "nan"], "The value 'nan' is invalid for '--share <share>'"),
            (["--share", "inf"], "The value 'inf' is invalid for '--share <share>'"),
            (["--share", "1e999"], "The value '1e999' is invalid for '--share <share>'"),
            (["--span", "1s"], "--span needs --count"),
            (
                ["--colour", "blue"],
                "The value 'blue' is invalid for '--colour <colour>'. Please provide one of the following:\n  - red\n  - green"
            ),
        ])
    func wrong(_ arguments: [String], _ message: String) {
        let error = #expect(throws: UsageError.self) { try settings(arguments) }
        #expect(error?.message == message)
    }

    @Test("an error tells the option's help, the command's usage, and what a right value looks like")
    func whole() throws {
        let error = try #require(throws: UsageError.self) { try settings(["--window", "1x"]) }
        #expect(
            sample.asked(error, of: sample.command("look")).text == """
                Error: The value '1x' is invalid for '--window <duration>'
                Help:  --window <duration>  Length of windows.
                Usage: tool look [<options>] [<word>]
                  See 'tool look --help' for more information.
                A duration is a number with ms, s, m, h or d, such as 200ms or 7d.

                """)
    }

    @Test("a word that has to be there is missed")
    func required() throws {
        let error = #expect(throws: UsageError.self) { try Copy.rows.read([]) }
        #expect(error?.message == "Missing expected argument '<file>'")
        #expect(error?.help == "Help:  <file>  The file to make.")
    }

    @Test("what follows the last word may belong to another command, unread")
    func rest() throws {
        for arguments in [["look", "--state", "x", "--", "-h"], ["--", "look", "--state", "x", "--", "-h"]] {
            let read = try Explain.rows.read(Explain.rows.infos.assignments(of: arguments)).values
            #expect(read.name == "look" && read.rest == ["--state", "x", "--", "-h"])
        }
    }

    @Test("settings that are there already are read over, lists are added to")
    func onto() throws {
        var base = Sample()
        (base.state, base.pairs) = ("base.db", ["a=1"])
        let read = try Sample.rows.read(Sample.rows.infos.assignments(of: ["--pair", "b=2"]), onto: base).values
        #expect(read.state == "base.db" && read.pairs == ["a=1", "b=2"])
    }
}

@Suite("Sources of settings")
struct SourceTests {
    private func line(_ option: String, _ text: String, _ line: Int) -> Assignment {
        Assignment(option: option, text: text, origin: .file("s.yaml", line: line))
    }

    @Test("the command line wins over the environment, the environment over the file")
    func order() throws {
        let file = [line("state", "file", 1), line("window", "1m", 2), line("count", "1", 3)]
        let read = try settings(
            ["--state", "line"], ["PAGEVIEWS_STATE": "variable", "PAGEVIEWS_WINDOW": "2m"], file: file)
        #expect(read.values.state == "line" && read.values.window == 120_000 && read.values.count == 1)
        let origins = Dictionary(read.effective.map { ($0.name, "\($0.origin)") }, uniquingKeysWith: { $1 })
        #expect(origins["state"] == "command line" && origins["window"] == "PAGEVIEWS_WINDOW")
        #expect(origins["count"] == "s.yaml:3" && origins["colour"] == "default")
    }

    @Test("a list collects from every source, each element with its origin; secrets are not shown")
    func lists() throws {
        let file = [line("pair", "a=1", 2), line("pair", "secret=x", 3)]
        let read = try settings(["-p", "d=4"], ["PAGEVIEWS_PAIR": "c=3"], file: file)
        #expect(read.values.pairs == ["a=1", "secret=x", "c=3", "d=4"])
        let shown = read.effective.filter { $0.name == "pair" }.map { "\($0.value ?? "") \($0.origin)" }
        #expect(shown == ["a=1 s.yaml:2", "secret=set s.yaml:3", "c=3 PAGEVIEWS_PAIR", "d=4 command line"])
    }

    @Test(
        "a flag from elsewhere turns on and off, and the order of sources holds",
        arguments: [
            ([], [:], true), ([], ["PAGEVIEWS_KEEP": "false"], false), ([], ["PAGEVIEWS_NO_KEEP": "true"], false),
            ([], ["PAGEVIEWS_NO_KEEP": "off"], true), (["--keep"], ["PAGEVIEWS_KEEP": "no"], true),
            (["--no-keep"], ["PAGEVIEWS_KEEP": "YES"], false),
            ([], ["PAGEVIEWS_NO_KEEP": "1", "PAGEVIEWS_KEEP": "1"], true),
        ] as [([String], [String: String], Bool)])
    func flags(_ arguments: [String], _ environment: [String: String], _ expected: Bool) throws {
        #expect(try settings(arguments, environment).values.keeps == expected)
        // A variable that says no beats a file that says yes, and the other way round.
        let file = [line("keep", "\(!expected)", 1)]
        guard !arguments.isEmpty || !environment.isEmpty else { return }
        #expect(try settings(arguments, environment, file: file).values.keeps == expected)
    }

    @Test("keys of a file have the names of options, and of flags turned off")
    func keys() {
        let infos = Sample.rows.infos
        let origin = Origin.file("f", line: 1)
        #expect(infos.assignment(ofKey: "no-keep", text: "yes", origin: origin)?.text == "false")
        #expect(infos.assignment(ofKey: "keep", text: "yes", origin: origin)?.text == "yes")
        #expect(infos.assignment(ofKey: "state", text: "x", origin: origin)?.option == "state")
        for name in ["word", "help", "version", "no-quiet", ""] {
            #expect(infos.assignment(ofKey: name, text: "x", origin: origin) == nil, "\(name)")
        }
    }

    @Test(
        "a message names the variable, or the file and its line",
        arguments: [
            (
                "window", "1x", "The value '1x' is invalid for PAGEVIEWS_WINDOW",
                "s.yaml:3: the value '1x' is invalid for window"
            ),
            (
                "quiet", "perhaps", "PAGEVIEWS_QUIET is either true or false, not 'perhaps'",
                "s.yaml:3: quiet is either true or false, not 'perhaps'"
            ),
            ("window", "1ms", "PAGEVIEWS_WINDOW must be from 1s to 1d", "s.yaml:3: window must be from 1s to 1d"),
            ("span", "1s", "PAGEVIEWS_SPAN needs --count", "s.yaml:3: span needs --count"),
        ])
    func messages(_ name: String, _ text: String, _ variable: String, _ file: String) {
        let one = #expect(throws: UsageError.self) { try settings([], ["PAGEVIEWS_" + name.uppercased(): text]) }
        #expect(one?.message == variable)
        let other = #expect(throws: UsageError.self) { try settings([], file: [line(name, text, 3)]) }
        #expect(other?.message == file)
    }

    @Test("what is not told of is shown once it is set")
    func hidden() throws {
        #expect(try settings([]).effective.contains { $0.name == "inner" } == false)
        let shown = try settings(["--inner", "3"]).effective.first { $0.name == "inner" }
        #expect(shown == EffectiveSetting(name: "inner", value: "3", origin: .argument))
    }
}
