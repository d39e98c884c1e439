// Configuration of a session: the state file, the limits, and the clocks.

/// Bounds on what one statement may use.
package struct QueryLimits: Equatable, Sendable {
    /// How long a statement may run, in milliseconds; nil: no limit.
    package var timeoutMilliseconds: Int? = 30_000
    /// The most rows a statement returns; nil: all.
    package var maxRows: Int?
    /// The most memory SQLite may use, in bytes, for the whole process; nil: no limit. Leave it nil in a process that
    /// also writes a state.
    package var memoryBytes: Int? = 256 << 20
    /// The most bytes of one text, blob or row.
    var valueBytes = 8 << 20

    /// The command line's defaults.
    package init() {}
}

/// How a session is opened.
package struct SessionConfiguration {
    /// The state file.
    package var statePath: String
    /// SQL that makes the views with nothing in them; used while there is no state file yet.
    package var emptySchema: String
    /// Bounds on each statement.
    package var limits = QueryLimits()
    /// Raised by Ctrl-C.
    package var interrupt = InterruptFlag()
    /// The wall clock, in milliseconds since the Unix epoch, for `ago()`.
    package var wallClock: () -> Int64
    /// Milliseconds of a monotonic clock, for deadlines.
    var monotonicClock: () -> Int = MonotonicClock.milliseconds

    /// - Parameters:
    ///   - statePath: the state file; it need not exist yet.
    ///   - emptySchema: SQL that makes the views with nothing in them.
    ///   - wallClock: milliseconds since the Unix epoch.
    package init(statePath: String, emptySchema: String, wallClock: @escaping () -> Int64) {
        (self.statePath, self.emptySchema, self.wallClock) = (statePath, emptySchema, wallClock)
    }
}
