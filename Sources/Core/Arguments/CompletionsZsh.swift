// The completion script for zsh: one function per command, which calls _arguments.

extension Program {
    var zshScript: String {
        let descriptions = offeredCommands.map { "            " + ("\($0.name):" + $0.abstract).shellQuoted }
        let names = offeredCommands.map(\.name).joined(separator: "|")
        return """
            #compdef \(name)

            _\(name)() {
                emulate -L zsh
                setopt extendedglob
                local context state state_descr line
                local -A opt_args
                local -i ret=1
                _arguments -s -S : '--version[Show the version.]' '(-h --help)'{-h,--help}'[Show help information.]' \\
                    '(-): :->command' '(-)*:: :->arguments' && ret=0
                case "$state" in
                command)
                    local -a subcommands
                    subcommands=(
            \(descriptions.joined(separator: "\n"))
                    )
                    _describe -V subcommand subcommands && ret=0
                    ;;
                arguments)
                    _\(name)_command "${words[1]}" && ret=0
                    ;;
                esac
                return ret
            }

            _\(name)_command() {
                case "$1" in
                \(names)) "_\(name)_$1" ;;
                *) return 1 ;;
                esac
            }

            \(commands.map(zshFunction).joined(separator: "\n"))
            _\(name)_help() {
                _arguments -s -S : '--version[Show the version.]' '*: :'
            }

            if [[ "${funcstack[1]}" == _\(name) ]]; then
                _\(name) "$@"
            else
                compdef _\(name) \(name)
            fi

            """
    }

    private func zshFunction(_ command: Command) -> String {
        var specs = command.visible.filter { !$0.isWord }.flatMap(Self.zshSpecs)
        specs += ["'--version[Show the version.]'", "'(-h --help)'{-h,--help}'[Show help information.]'"]
        let words = command.visible.filter(\.isWord)
        for (index, word) in words.enumerated() where word.kind != .rest {
            let values = word.choices.isEmpty ? "" : "(\(word.choices.joined(separator: " ")))"
            specs.append("\(index + 1):\(Self.zshEscaped(word.placeholder)):\(values)".shellQuoted)
        }
        var end = ""
        if command.takesCommand {
            specs.append("'*:: :->command'")
            end = "\n    [[ \"$state\" == command ]] && _\(name)_command \"${line[1]}\" && ret=0"
        }
        return """
            _\(name)_\(command.name)() {
                local context state state_descr line
                local -A opt_args
                local -i ret=1
                local -a specs
                specs=(
            \(specs.map { "        " + $0 }.joined(separator: "\n"))
                )
                _arguments -s -S : "${specs[@]}" && ret=0\(end)
                return ret
            }

            """
    }

    private static func zshSpecs(_ option: OptionInfo) -> [String] {
        let help = "[\(zshEscaped(option.help))]"
        if option.isFlag, option.short == nil { return option.spellings.map { ($0 + help).shellQuoted } }
        var value = ""
        if !option.isFlag {
            value = ":\(zshEscaped(option.placeholder)):"
            switch option.files {
            case .every: value += "_files"
            case .withExtension(let suffix): value += "_files -g '*.\(suffix)'"
            case nil: value += option.choices.isEmpty ? "" : "(\(option.choices.joined(separator: " ")))"
            }
        }
        let start = option.isList ? "*" : ""
        guard option.short != nil else { return [(start + option.spellings[0] + help + value).shellQuoted] }
        let spellings = option.spellings.joined(separator: ",")
        let excluded = option.isList ? "'*'" : "(\(option.spellings.joined(separator: " ")))".shellQuoted
        return [excluded + "{\(spellings)}" + (help + value).shellQuoted]
    }

    /// Escapes the characters that _arguments interprets.
    private static func zshEscaped(_ text: String) -> String {
        ["\\", ":", "[", "]"].reduce(text) { $0.replacing($1, with: "\\" + $1) }
    }
}
