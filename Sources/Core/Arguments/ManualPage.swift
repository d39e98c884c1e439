// The manual page in man(7) macros, from the same rows as help and completions.

extension Program {
    /// - Parameter exitCodes: the program's exit codes and the meaning of each.
    package func manualPage(exitCodes: [(code: Int, meaning: String)]) -> String {
        var lines = [".TH \(name.uppercased()) 1 \"\" \"\(name)\" \"User Commands\""]
        lines += [".SH NAME", "\(name) \\- \(Self.escaped(abstract))"]
        lines += [".SH SYNOPSIS", ".B \(name)", ".I COMMAND", "[OPTION]... [ARGUMENT]..."]
        lines += [".SH DESCRIPTION"] + Self.paragraphs(discussion)
        lines += [".SH COMMANDS"] + commands.flatMap(section)
        lines += [".SH EXIT STATUS"] + exitCodes.flatMap { [".TP", ".B \($0.code)", Self.escaped($0.meaning)] }
        return lines.filter { !$0.isEmpty }.joined(separator: "\n") + "\n"
    }

    private func section(_ command: Command) -> [String] {
        let words = command.visible.filter(\.isWord).map { " [\($0.placeholder)]" }.joined()
        var lines = [".SS \(name) \(command.name) [OPTION]...\(Self.escaped(words))"]
        lines += Self.paragraphs(command.abstract) + Self.paragraphs(command.discussion)
        for option in command.visible { lines += Self.items(option) }
        return lines + [".TP", "\\fB\\-\\-version\\fR", "Show the version."]
    }

    private static func items(_ option: OptionInfo) -> [String] {
        let fallback = option.fallback.map { [escaped("(default: \($0))")] } ?? []
        let value = "\\fI\(escaped(option.placeholder))\\fR"
        let bold = { (spelling: String) in "\\fB\(escaped(spelling))\\fR" }
        switch option.kind {
        case .argument, .rest: return [".TP", value, escaped(option.help)] + fallback
        case .value, .list:
            let names = option.spellings.map(bold).joined(separator: ", ")
            return [".TP", names + " " + value, escaped(option.help)] + fallback
        case .flag(isInvertible: false):
            return [".TP", option.spellings.map(bold).joined(separator: ", "), escaped(option.help)]
        case .flag(isInvertible: true):
            return [".TP", bold("--" + option.name), escaped(option.help)] + fallback
                + [".TP", bold("--no-" + option.name), escaped(option.help)]
        }
    }

    private static func paragraphs(_ text: String) -> [String] {
        text.split(separator: "\n").flatMap { [".PP", escaped(String($0))] }
    }

    /// Escapes roff's special characters: a backslash anywhere, and a dot or quote at the start of a line. A hyphen
    /// prints as a minus only after a backslash.
    static func escaped(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\n", with: " ")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
    }
}
