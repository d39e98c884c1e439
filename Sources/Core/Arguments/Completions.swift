// Completion scripts for shells, from the same rows as help. A script is self-contained: it does not call the program.

/// A shell with a completion script.
package enum CompletionShell: String, CaseIterable {
    case zsh, bash, fish
}

extension Program {
    /// The script for a shell; nil for an unknown shell.
    func completionScript(shell: String) -> String? {
        switch CompletionShell(rawValue: shell) {
        case .bash: bashScript
        case .zsh: zshScript
        case .fish: fishScript
        case nil: nil
        }
    }

    /// The commands that a shell offers, with a description of each.
    var offeredCommands: [(name: String, abstract: String)] {
        commands.map { ($0.name, $0.abstract) } + [("help", "Show subcommand help information.")]
    }
}

extension Command {
    /// Whether the command's first word is another command, whose options follow.
    var takesCommand: Bool { options.contains { $0.kind == .rest } }
}

extension String {
    /// In single quotes of a POSIX shell.
    var shellQuoted: String { "'" + replacing("'", with: "'\\''") + "'" }
}
