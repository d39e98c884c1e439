// The order in which services stop, as a pure state machine.
//
// Invariants: services are told to stop one at a time, the last one first; the next is told when the one before has ended or
// exceeded its stop timeout; the first error is rethrown.

/// What happens to a group of services.
enum GroupEvent {
    /// A service ended, with an error or without.
    case ended(Int, (any Error)?)
    /// A service was told to stop and did not end in time.
    case overdue(Int)
    /// The whole group has to stop.
    case stopRequested
}

/// What the group's loop does.
enum GroupAction: Equatable {
    /// Tell this service to stop.
    case stop(Int)
    /// All have ended or are left behind.
    case finish
}

/// Where a group of services is.
struct GroupState {
    private let count: Int
    private var ended: Set<Int> = []
    /// Who was told to stop last; nil while all run.
    private var stopping: Int?
    /// What ended the group.
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
        for candidate in stride(from: index - 1, through: 0, by: -1) where !ended.contains(candidate) {
            stopping = candidate
            return [.stop(candidate)]
        }
        stopping = -1
        return [.finish]
    }
}
