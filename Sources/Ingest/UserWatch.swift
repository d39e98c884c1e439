// Whether a topic's events name their users at all. Producers name the field in ways of their own; raw events without any
// user are better noticed after some thousands than after a month.
// Invariant: how far it has come is in the state with the events themselves, so a restart neither repeats nor forgets it.

/// Looks at the first events of a topic.
struct UserWatch {
    /// How many events without a user are worth a word.
    static let limit: Int64 = 10_000
    private static let over = "over"

    /// Events are to be looked at.
    private(set) var isOn: Bool
    private(set) var withoutUser: Int64

    /// - Parameters:
    ///   - recorded: what the state says; nil when it says nothing.
    ///   - hasEvents: the state has events already, of which nothing is known then.
    init(recorded: String?, hasEvents: Bool) {
        withoutUser = recorded.flatMap { Int64($0) } ?? 0
        isOn = recorded.map { $0 != Self.over } ?? !hasEvents
    }

    /// Takes note of an event.
    /// - Returns: true once: none of the first events had a user.
    mutating func saw(user: Int64?) -> Bool {
        guard user == nil else {
            isOn = false
            return false
        }
        withoutUser += 1
        if withoutUser >= Self.limit { isOn = false }
        return !isOn
    }

    /// What the state is to say: a number of events without a user, or that the watch is over.
    var fact: String { isOn ? "\(withoutUser)" : Self.over }
}
