// Configuration of a session: the state file, the limits, and the clocks.

/// Limits on one statement.
package struct QueryLimits: Equatable, Sendable {
    /// The maximum duration of a statement, in milliseconds; nil: no limit.
    package var timeoutMilliseconds: Int? = 30_000
    /// The maximum number of rows that a statement returns; nil: no limit.
    package var maxRows: Int?
    /// The maximum memory of SQLite in the whole process, in bytes; nil: no limit. Leave it nil in a process that also
    /// writes a state.
    package var memoryBytes: Int? = 256 << 20
    /// The maximum size of a text, blob or row, in bytes.
    var valueBytes = 8 << 20

    /// The command line's defaults.
    package init() {}
}

/// The configuration of a session.
package struct SessionConfiguration {
    /// The state file.
    package var statePath: String
    /// SQL that creates empty views, for use while there is no state file yet.
    package var emptySchema: String
    /// Limits on each statement.
    package var limits = QueryLimits()
    /// Raised by Ctrl-C.
    package var interrupt = InterruptFlag()
    /// The wall clock, in milliseconds since the Unix epoch, for `ago()`.
    package var wallClock: () -> Int64
    /// Milliseconds of a monotonic clock, for deadlines.
    var monotonicClock: () -> Int = MonotonicClock.milliseconds

    /// - Parameters:
    ///   - statePath: the state file; it need not exist yet.
    ///   - emptySchema: SQL that creates empty views.
    ///   - wallClock: milliseconds since the Unix epoch.
    package init(statePath: String, emptySchema: String, wallClock: @escaping () -> Int64) {
        (self.statePath, self.emptySchema, self.wallClock) = (statePath, emptySchema, wallClock)
    }
}
