// Completion scripts for shells, from the same rows as help. Everything is in the script: the program is not asked.

/// A shell that completes command lines.
package enum CompletionShell: String, CaseIterable {
    case zsh, bash, fish
}

extension Program {
    /// The script for a shell; nil when there is none for it.
    func completionScript(shell: String) -> String? {
        switch CompletionShell(rawValue: shell) {
        case .bash: bashScript
        case .zsh: zshScript
        case .fish: fishScript
        case nil: nil
        }
    }

    /// Commands as a shell offers them, with what it says of each.
    var offeredCommands: [(name: String, abstract: String)] {
        commands.map { ($0.name, $0.abstract) } + [("help", "Show subcommand help information.")]
    }
}

extension Command {
    /// Whether its first word is the name of another command, whose options follow.
    var takesCommand: Bool { options.contains { $0.kind == .rest } }
}

extension String {
    /// In single quotes of a POSIX shell.
    var shellQuoted: String { "'" + replacing("'", with: "'\\''") + "'" }
}
