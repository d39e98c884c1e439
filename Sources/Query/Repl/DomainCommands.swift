// Commands of the prompt that need more than the state file; the executable brings them.

/// What the prompt cannot answer from the state alone.
package protocol DomainCommands {
    /// `\proof`: recounts what came in against what is stored and exported.
    /// - Returns: an exit code as `pageviews proof` gives it; 3 when the interrupt ended it.
    func proof(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32
    /// `\topic`: topics, or the newest messages of the one that is named, bounded.
    /// - Returns: an exit code as `pageviews topic` gives it; 3 when the interrupt ended it.
    func topic(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32
}

/// For prompts without a pipeline at hand.
package struct NoDomainCommands: DomainCommands {
    /// Nothing to be given.
    package init() {}

    /// Says which command of the shell to use.
    package func proof(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32 {
        err.write("error: \\proof is not available here: run `pageviews proof`\n")
        return 1
    }

    /// Says which command of the shell to use.
    package func topic(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32 {
        err.write("error: \\topic is not available here: run `pageviews topic`\n")
        return 1
    }
}
