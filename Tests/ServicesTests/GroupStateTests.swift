// The order in which services stop, decided apart from services.

import Testing

@testable import Services

@Suite("Group of services: decisions")
struct GroupStateTests {
    private struct Refused: Error, Equatable { let name: String }

    private func actions(_ count: Int, _ events: [GroupEvent]) -> [[GroupAction]] {
        var state = GroupState(count: count)
        return events.map { state.next($0) }
    }

    @Test("a signal stops the services from the last to the first, each when the one before has ended")
    func reverse() {
        let found = actions(
            3, [.stopRequested, .ended(2, nil), .ended(1, nil), .ended(0, nil), .stopRequested])
        #expect(found == [[.stop(2)], [.stop(1)], [.stop(0)], [.finish], []])
    }

    @Test("the first to end stops the others")
    func firstEnd() {
        #expect(actions(3, [.ended(1, nil), .ended(2, nil), .ended(0, nil)]) == [[.stop(2)], [.stop(0)], [.finish]])
    }

    @Test("one that ended out of turn is not told to stop")
    func outOfTurn() {
        #expect(
            actions(3, [.stopRequested, .ended(1, nil), .ended(2, nil), .ended(0, nil)])
                == [[.stop(2)], [], [.stop(0)], [.finish]])
    }

    @Test("one that does not end in time is left behind; its late end changes nothing")
    func overdue() {
        #expect(
            actions(2, [.stopRequested, .overdue(1), .ended(1, nil), .overdue(1), .ended(0, nil)])
                == [[.stop(1)], [.stop(0)], [], [], [.finish]])
        #expect(actions(2, [.stopRequested, .ended(1, nil), .overdue(1)]) == [[.stop(1)], [.stop(0)], []])
    }

    @Test("the first failure is the one that is told")
    func failure() {
        var state = GroupState(count: 3)
        _ = state.next(.ended(0, Refused(name: "first")))
        _ = state.next(.ended(2, Refused(name: "second")))
        _ = state.next(.ended(1, nil))
        #expect(state.failure as? Refused == Refused(name: "first"))
    }

    @Test("one service alone")
    func alone() {
        #expect(actions(1, [.ended(0, nil)]) == [[.finish]])
        #expect(actions(1, [.stopRequested, .ended(0, nil)]) == [[.stop(0)], [.finish]])
    }
}
