// Commands of the prompt that need more than the state file. The executable provides them.

/// Commands that the prompt cannot answer from the state alone.
package protocol DomainCommands {
    /// `\proof`: compares the records received with the counts stored and exported.
    /// - Returns: the exit code of `pageviews proof`; 3 after an interrupt.
    func proof(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32
    /// `\topic`: lists the topics, or a limited number of the newest messages of one.
    /// - Returns: the exit code of `pageviews topic`; 3 after an interrupt.
    func topic(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32
}

/// For prompts without a pipeline.
struct NoDomainCommands: DomainCommands {
    /// Needs no configuration.
    package init() {}

    /// Names the shell command to use instead.
    package func proof(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32 {
        err.write("error: \\proof is not available here: run `pageviews proof`\n")
        return 1
    }

    /// Names the shell command to use instead.
    package func topic(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32 {
        err.write("error: \\topic is not available here: run `pageviews topic`\n")
        return 1
    }
}
