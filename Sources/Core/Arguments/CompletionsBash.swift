// The completion script for bash: one function finds the command, then offers its options or an option's values.

extension Program {
    var bashScript: String {
        let names = commands.map(\.name)
        let nested = commands.filter(\.takesCommand).map { "        \($0.name)) command=\($0.name) ;;" }
        return """
            # bash completion for \(name)

            _\(name)() {
                local cur="${COMP_WORDS[COMP_CWORD]}" prev="" command="" options="" repeatable="" values="" files=""
                local -i words=0 taken=0 i
                ((COMP_CWORD > 0)) && prev="${COMP_WORDS[COMP_CWORD - 1]}"
                # bash takes --name=VALUE for three words.
                if [[ "$cur" == "=" ]]; then
                    cur=""
                elif [[ "$prev" == "=" ]] && ((COMP_CWORD > 1)); then
                    prev="${COMP_WORDS[COMP_CWORD - 2]}"
                fi
                COMPREPLY=()
                for ((i = 1; i < COMP_CWORD; i++)); do
                    case "${COMP_WORDS[i]}" in
                    -*) [[ -n "$command" ]] && break ;;
            \(nested.joined(separator: "\n"))
                    \((names.filter { command($0)?.takesCommand != true } + ["help"]).joined(separator: "|")))
                        command="${COMP_WORDS[i]}"
                        break
                        ;;
                    esac
                done
                case "$command" in
                "")
                    options="--version -h --help \(offeredCommands.map(\.name).joined(separator: " "))"
                    ;;
            \(commands.map(Self.bashCase).joined(separator: "\n"))
                help)
                    options="--version"
                    ;;
                esac
                if [[ -n "$files" ]]; then
                    compopt -o filenames 2>/dev/null
                    local file
                    while IFS="" read -r file; do
                        [[ "$files" == "*" || -d "$file" || "$file" == $files ]] && COMPREPLY+=("$file")
                    done < <(compgen -f -- "$cur")
                    return
                elif [[ -n "$values" ]]; then
                    COMPREPLY=($(compgen -W "$values" -- "$cur"))
                    return
                elif ((taken)); then
                    return
                elif ((words)) && [[ "$cur" != -* ]]; then
                    return
                fi
                # What was given is not offered again, but for options that may be repeated.
                local option given
                for option in $(compgen -W "$options" -- "$cur"); do
                    given=""
                    for ((i = 1; i < COMP_CWORD; i++)); do
                        [[ "${COMP_WORDS[i]}" == "$option" ]] && given=1
                    done
                    [[ -z "$given" || " $repeatable " == *" $option "* ]] && COMPREPLY+=("$option")
                done
            }

            complete -F _\(name) \(name)

            """
    }

    private static func bashCase(_ command: Command) -> String {
        let options = command.visible.filter { !$0.isWord }
        let repeatable = options.filter(\.isList).flatMap(\.spellings)
        let words = command.visible.filter(\.isWord)
        let offered = options.flatMap(\.spellings) + ["--version", "-h", "--help"]
        var lines = ["    \(command.name))", "        options=\"\(offered.joined(separator: " "))\""]
        if !repeatable.isEmpty { lines.append("        repeatable=\"\(repeatable.joined(separator: " "))\"") }
        if let word = words.first {
            lines.append("        words=1")
            if !word.choices.isEmpty {
                lines.append("        [[ \"$cur\" != -* ]] && values=\"\(word.choices.joined(separator: " "))\"")
            }
        }
        let valued = options.filter { !$0.isFlag }
        if !valued.isEmpty {
            lines.append("        case \"$prev\" in")
            for option in valued where !option.choices.isEmpty || option.files != nil {
                lines.append("        \(option.spellings.joined(separator: "|"))) \(bashValues(option)) ;;")
            }
            let others = valued.filter { $0.choices.isEmpty && $0.files == nil }.flatMap(\.spellings)
            if !others.isEmpty { lines.append("        \(others.joined(separator: "|"))) values=\"\" taken=1 ;;") }
            lines.append("        esac")
        }
        return (lines + ["        ;;"]).joined(separator: "\n")
    }

    private static func bashValues(_ option: OptionInfo) -> String {
        switch option.files {
        case .every: "files=\"*\""
        case .withExtension(let suffix): "files=\"*.\(suffix)\""
        case nil: "values=\"\(option.choices.joined(separator: " "))\""
        }
    }
}
