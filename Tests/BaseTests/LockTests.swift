// What is behind a lock is used by one thread at a time.

import Base
import Dispatch
import Testing

struct LockTests {
    private struct Refused: Error, Equatable {}

    @Test func noChangeIsLost() {
        let counts = Lock([0, 0])
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<5_000 {
                counts.withLock { counts in
                    counts[0] += 1
                    counts[1] = counts[0]
                }
            }
        }
        #expect(counts.withLock { $0 } == [40_000, 40_000])
    }

    @Test func anErrorPassesAndLetsTheLockGo() {
        let value = Lock(1)
        #expect(throws: Refused()) {
            try value.withLock { (value: inout Int) throws(Refused) in
                value = 2
                throw Refused()
            }
        }
        #expect(value.withLock { $0 } == 2)
    }
}
