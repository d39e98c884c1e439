// Checks whether a topic's first events name their users: a producer may use another name for the field, and raw events
// would then have no user.
//
// The flush that stores the events also stores this watch, so a restart neither repeats nor skips the check.

/// Watches the first events of a topic.
struct UserWatch {
    /// Number of leading events without a user after which the watch reports.
    static let limit: Int64 = 10_000
    private static let over = "over"

    /// The watch is not over: events are to be checked.
    private(set) var isOn: Bool
    private(set) var withoutUser: Int64

    /// - Parameters:
    ///   - recorded: the value of `fact` in the state; nil when there is none.
    ///   - hasEvents: the state has events; without a recorded value these were not watched, and the watch is over.
    init(recorded: String?, hasEvents: Bool) {
        withoutUser = recorded.flatMap { Int64($0) } ?? 0
        isOn = recorded.map { $0 != Self.over } ?? !hasEvents
    }

    /// Checks an event.
    /// - Returns: true once, when none of the first `limit` events had a user.
    mutating func saw(user: Int64?) -> Bool {
        guard user == nil else {
            isOn = false
            return false
        }
        withoutUser += 1
        if withoutUser >= Self.limit { isOn = false }
        return !isOn
    }

    /// The value that the state stores: the number of events without a user, or `over`.
    var fact: String { isOn ? "\(withoutUser)" : Self.over }
}
