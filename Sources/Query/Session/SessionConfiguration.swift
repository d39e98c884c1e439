// What a session is given: where the state is, its limits, and its clocks.

/// Bounds on what one statement may use.
public struct QueryLimits: Equatable, Sendable {
    /// How long a statement may run, in milliseconds; nil: for ever.
    public var timeoutMilliseconds: Int? = 30_000
    /// The most rows a statement returns; nil: all.
    public var maxRows: Int?
    /// The most memory SQLite may use, in bytes, for the whole process; nil: no limit. Leave it nil in a process that
    /// also writes a state.
    public var memoryBytes: Int? = 256 << 20
    /// The most bytes of one text, blob or row.
    public var valueBytes = 8 << 20

    /// The limits of the command line's defaults.
    public init() {}
}

/// How a session is opened.
public struct SessionConfiguration {
    /// The state file.
    public var statePath: String
    /// SQL that makes the views with nothing in them; used while there is no state file yet.
    public var emptySchema: String
    /// Bounds on each statement.
    public var limits = QueryLimits()
    /// Raised by Ctrl-C.
    public var interrupt = InterruptFlag()
    /// The wall clock, in milliseconds since the Unix epoch, for `ago()`.
    public var wallClock: () -> Int64
    /// Milliseconds of a clock that never goes back, for deadlines.
    var monotonicClock: () -> Int = MonotonicClock.milliseconds

    /// - Parameters:
    ///   - statePath: the state file; it need not exist yet.
    ///   - emptySchema: SQL that makes the views with nothing in them.
    ///   - wallClock: milliseconds since the Unix epoch.
    public init(statePath: String, emptySchema: String, wallClock: @escaping () -> Int64) {
        (self.statePath, self.emptySchema, self.wallClock) = (statePath, emptySchema, wallClock)
    }
}
