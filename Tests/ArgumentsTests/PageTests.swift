// Help pages, usage lines, the manual and what a program answers before any command runs.

import Testing

@testable import Arguments

@Suite("Help and plans")
struct PageTests {
    private func shown(_ arguments: [String]) throws -> String? {
        if case .show(let text) = try sample.plan(arguments) { text } else { nil }
    }

    @Test("a command's page is made of its rows")
    func page() throws {
        #expect(
            try shown(["look", "--help"]) == """
                OVERVIEW: Look at things.

                With care.

                USAGE: tool look [<options>] [<word>]

                ARGUMENTS:
                  <word>                  The word.

                LIMITS:
                  --size <size>           The most of it. (default: 64MiB)
                  --share <share>         The part of it. (default: 0.5)

                OPTIONS:
                  -s, --state <file>      The state file. (default: a.db)
                  --window <duration>     Length of windows. (default: 1m)
                  --count <n>             How many. (default: all)
                  --span <duration>       How long.
                  --colour <colour>       Of the sky's colours, the one that it has. (values:
                                          red, green; default: red)
                  -p, --pair <key=value>  A pair; repeatable.
                  -q, --quiet             Say nothing.
                  --keep/--no-keep        Keep what is there. (default: --keep)
                  -f, --follow            Go on.
                  --version               Show the version.
                  -h, --help              Show help information.


                """)
    }

    @Test("help and version are answered wherever they stand, whatever else is wrong")
    func anywhere() throws {
        let help = try shown(["look", "--help"])
        for arguments in [
            ["look", "-h"], ["look", "--wrong", "-h"], ["look", "word", "--help"], ["help", "look"],
            ["look", "--state", "-h"],
        ] { #expect(try shown(arguments) == help, "\(arguments)") }
        let overview = try shown([])
        #expect(overview?.contains("SUBCOMMANDS:\n  look                    Look at things.\n  copy ") == true)
        for arguments in [
            ["--help"], ["-h"], ["help"], ["help", "nonsense"], ["nonsense", "--help"], ["--wrong", "-h"],
        ] {
            #expect(try shown(arguments) == overview, "\(arguments)")
        }
        for arguments in [["--version"], ["look", "--version"], ["look", "--wrong", "--version"]] {
            #expect(try shown(arguments) == "1.2.3\n")
        }
        #expect(try shown(["look", "--", "--help"]) == nil)
    }

    @Test("short commands are used with all their options, long ones with <options>")
    func usage() {
        #expect(sample.usage(of: sample.command("copy")) == "tool copy <file>")
        #expect(sample.usage(of: sample.command("look")) == "tool look [<options>] [<word>]")
        #expect(sample.usage(of: sample.command("explain")) == "tool explain <command> [<options> ...]")
    }

    @Test(
        "an unknown command is called one, and the nearest is suggested",
        arguments: [
            (["lok"], "unknown command 'lok'. Did you mean 'look'?"),
            (["nonsense", "x"], "unknown command 'nonsense'"),
            (["--frobnicate"], "Unknown option '--frobnicate'"),
            (["--hlep"], "Unknown option '--hlep'. Did you mean '--help'?"),
        ])
    func unknown(_ arguments: [String], _ message: String) {
        let error = #expect(throws: UsageError.self) { try sample.plan(arguments) }
        #expect(error?.message == message)
        #expect(error?.usage == "Usage: tool <subcommand>\n  See 'tool --help' for more information.")
    }

    @Test("a page is as wide as it is told, and a long word stays whole")
    func width() {
        #expect("aaa bbb ccc".wrapped(to: 8) == "aaa bbb\nccc")
        #expect("aaa bbb ccc".wrapped(to: 7) == "aaa\nbbb ccc")
        #expect("aaaaaaaaaa bb".wrapped(to: 5) == "aaaaaaaaaa\nbb")
        #expect("aaa bbb\nc".wrapped(to: 7) == "aaa\nbbb\nc")
        #expect("a\n\nb".wrapped(to: 10, indent: 2) == "  a\n\n  b")
        #expect("".wrapped(to: 10) == "")
    }

    @Test("the manual escapes what roff would read")
    func manual() {
        let page = sample.manualPage(exitCodes: [(0, "done")])
        #expect(page.hasPrefix(".TH TOOL 1 \"\" \"tool\" \"User Commands\"\n.SH NAME\ntool \\- Does things.\n"))
        #expect(page.contains(".SS tool look [OPTION]... [word]\n"))
        #expect(page.contains("\\fB\\-s\\fR, \\fB\\-\\-state\\fR \\fIfile\\fR\nThe state file.\n(default: a.db)\n"))
        #expect(page.contains("\\fB\\-\\-no\\-keep\\fR\n") && !page.contains("inner"))
        #expect(Program.escaped(".a") == "\\&.a" && Program.escaped("\\n") == "\\en")
    }
}

@Suite("Completions")
struct CompletionTests {
    @Test(
        "every shell has a script that names commands and options, and no hidden ones",
        arguments: CompletionShell.allCases)
    func scripts(_ shell: CompletionShell) throws {
        for arguments in [
            ["--generate-completion-script", shell.rawValue], ["--generate-completion-script=\(shell.rawValue)"],
        ] {
            guard case .show(let script) = try sample.plan(arguments) else {
                Issue.record("no script")
                return
            }
            for word in ["look", "copy", "explain", "help", "window", "no-keep", "green"] {
                #expect(script.contains(word), "\(word)")
            }
            #expect(!script.contains("inner"))
        }
    }

    @Test("other shells are refused, and the right ones named")
    func refused() {
        for arguments in [["--generate-completion-script", "tcsh"], ["--generate-completion-script"]] {
            let error = #expect(throws: UsageError.self) { try sample.plan(arguments) }
            #expect(error?.message.contains("zsh bash fish") == true)
        }
    }
}
