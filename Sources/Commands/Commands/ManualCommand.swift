// `pageviews manual`: prints the manual page, from the same rows as --help and the shell completions.

import Arguments

/// `pageviews manual`.
struct ManualCommand: Sendable {
    static let command = Command(
        "manual", abstract: "Print the manual page: pageviews manual > pageviews.1",
        discussion: """
            Completions for the shells come from `pageviews --generate-completion-script bash` (or zsh, or fish).
            """,
        rows: Rows(ManualCommand(), []), run: { _ in StandardStream.output.write(text) })

    static var text: String { Pageviews.program.manualPage(exitCodes: exitCodes) }

    private static let exitCodes = [
        (0, "done"), (1, "the work failed"), (2, "wrong usage or configuration"), (3, "deadline or interrupt"),
        (4, "a needed service could not be reached"),
        (5, "the state is in use or belongs to another cluster or topic"),
    ]
}
