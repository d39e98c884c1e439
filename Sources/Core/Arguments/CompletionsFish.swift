// The completion script for fish: one `complete` per option of each command.

extension Program {
    var fishScript: String {
        let nested = commands.filter(\.takesCommand).map(\.name)
        var lines = [
            """
            # fish completion for \(name)

            # The command that options belong to.
            function __\(name)_command
                set -l found
                for token in (commandline -opc)[2..]
                    switch $token
                        case '-*'
                            set -q found[1]; and break
                        case \(nested.joined(separator: " "))
                            set found $token
                        case \((offeredCommands.map(\.name).filter { !nested.contains($0) }).joined(separator: " "))
                            set found $token
                            break
                        case '*'
                            set -q found[1]; and break
                    end
                end
                echo $found
            end

            # Whether a command is given, and an option in none of its spellings.
            function __\(name)_offers
                test (__\(name)_command)'' = $argv[1]; or return 1
                for spelling in $argv[2..]
                    contains -- $spelling (commandline -opc); and return 1
                end
                return 0
            end

            # The same, but for the option whose value is being typed.
            function __\(name)_takes
                test (__\(name)_command)'' = $argv[1]; or return 1
                set -l given (commandline -opc)
                for spelling in $argv[2..]
                    contains -- $spelling $given[1..-2]; and return 1
                end
                return 0
            end

            complete -c \(name) -f
            """
        ]
        for command in offeredCommands {
            let start = "complete -c \(name) -n '__\(name)_offers \"\"' -a \(command.name)"
            lines.append("\(start) -d \(Self.fishQuoted(command.abstract))")
        }
        lines += fishCommon("\"\"", hasHelp: true)
        for command in commands {
            lines += command.visible.flatMap { fishLines($0, command.name) } + fishCommon(command.name, hasHelp: true)
        }
        return (lines + fishCommon("help", hasHelp: false)).joined(separator: "\n") + "\n"
    }

    private func fishCommon(_ command: String, hasHelp: Bool) -> [String] {
        let version = "complete -c \(name) -n '__\(name)_offers \(command) --version' -l version -d 'Show the version.'"
        let help =
            "complete -c \(name) -n '__\(name)_offers \(command) -h --help' -s h -l help -d 'Show help information.'"
        return hasHelp ? [version, help] : [version]
    }

    private func fishLines(_ option: OptionInfo, _ command: String) -> [String] {
        if option.isWord {
            guard !option.choices.isEmpty else { return [] }
            return [
                "complete -c \(name) -n '__\(name)_offers \(command)' -a '\(option.choices.joined(separator: " "))'"
            ]
        }
        return option.settingNames.reversed().map { setting, isInverted in
            let spellings =
                option.isList
                ? [] : isInverted ? ["--" + setting] : option.spellings.filter { $0 != "--no-" + option.name }
            let condition = (["__\(name)_\(option.isFlag ? "offers" : "takes")", command] + spellings).joined(
                separator: " ")
            var line = "complete -c \(name) -n '\(condition)'"
            if let short = option.short { line += " -s \(short)" }
            line += " -l \(setting) -d \(Self.fishQuoted(option.help))"
            guard !option.isFlag else { return line }
            switch option.files {
            case .every: return line + " -r -F"
            case .withExtension(let suffix): return line + " -r -k -a '(__fish_complete_suffix .\(suffix))'"
            case nil:
                return line + " -r -f"
                    + (option.choices.isEmpty ? "" : " -k -a '\(option.choices.joined(separator: " "))'")
            }
        }
    }

    private static func fishQuoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}
