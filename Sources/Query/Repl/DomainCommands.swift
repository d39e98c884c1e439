// What the prompt needs from other parts of the program: commands that use more than the state file, and SQL of the state's
// tables. The executable provides it.

/// Commands and questions that other parts of the program provide.
package protocol DomainCommands {
    /// `\proof`: compares the records received with the counts stored and exported.
    /// - Returns: the exit code of `pageviews proof`; 3 after an interrupt.
    func proof(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32
    /// `\topic`: lists the topics, or a limited number of the newest messages of one.
    /// - Returns: the exit code of `pageviews topic`; 3 after an interrupt.
    func topic(_ arguments: [String], out: Output, err: Output, interrupt: InterruptFlag) -> Int32

    /// SQL for the length of the state's windows, in milliseconds.
    var windowLength: String { get }
    /// SQL for the exported count of a window and postcode.
    /// - Parameters:
    ///   - start: a SQL expression, in seconds since the Unix epoch.
    ///   - postcode: a SQL literal.
    ///   - hasColumn: whether the state has a column of a table.
    func exportsOfWindow(
        start: String, postcode: String, hasColumn: (_ column: String, _ table: String) -> Bool
    ) -> String
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

    /// One minute.
    package var windowLength: String { "SELECT 60000" }

    /// The newest exports, of any window.
    package func exportsOfWindow(
        start: String, postcode: String, hasColumn: (_ column: String, _ table: String) -> Bool
    ) -> String { "SELECT snapshot_id, committed_at, state FROM exports ORDER BY generation DESC LIMIT 5" }
}
