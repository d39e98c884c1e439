// The order in which services stop, as a pure state machine.
//
// Invariant: services stop one at a time, in reverse order. The next one is told to stop after the one before has ended
// or exceeded its stop timeout. The first error is kept.

/// An event of a group of services.
enum GroupEvent {
    /// A service ended, with an error or without.
    case ended(Int, (any Error)?)
    /// A service exceeded its stop timeout.
    case overdue(Int)
    /// The group has to stop.
    case stopRequested
}

/// An action of the group's loop.
enum GroupAction: Equatable {
    /// Tell this service to stop.
    case stop(Int)
    /// All services have ended or exceeded their stop timeouts.
    case finish
}

/// The state of a group of services.
struct GroupState {
    private let count: Int
    private var ended: Set<Int> = []
    /// The service that was told to stop last; nil before the first, -1 after all.
    private var stopping: Int?
    /// The first error.
    private(set) var failure: (any Error)?

    init(count: Int) { self.count = count }

    mutating func next(_ event: GroupEvent) -> [GroupAction] {
        switch event {
        case .ended(let index, let error):
            ended.insert(index)
            failure = failure ?? error
            guard let stopping else { return advance(below: count) }
            return index == stopping ? advance(below: index) : []
        case .overdue(let index):
            return index == stopping && !ended.contains(index) ? advance(below: index) : []
        case .stopRequested:
            return stopping == nil ? advance(below: count) : []
        }
    }

    private mutating func advance(below index: Int) -> [GroupAction] {
        precondition(index == stopping ?? count, "services stop one at a time, in reverse order")
        for candidate in stride(from: index - 1, through: 0, by: -1) where !ended.contains(candidate) {
            stopping = candidate
            return [.stop(candidate)]
        }
        stopping = -1
        return [.finish]
    }
}
