// Stop signals: polled, waited for, called back.

import Testing

@testable import Base

@Suite("Stop signal")
struct StopSignalTests {
    @Test("a body runs once: when the request is made, or at once when it was")
    func bodies() {
        let stop = StopSignal()
        let count = Lock(0)
        stop.onSet { count.withLock { $0 += 1 } }
        let cancelled = stop.onSet { count.withLock { $0 += 100 } }
        cancelled.cancel()
        #expect(count.withLock { $0 } == 0)
        stop.set()
        stop.set()
        #expect(count.withLock { $0 } == 1)
        stop.onSet { count.withLock { $0 += 10 } }
        #expect(count.withLock { $0 } == 11)
    }

    @Test("waiting ends with the request, for every thread and again and again")
    func waiting() async {
        let stop = StopSignal()
        #expect(!stop.wait(milliseconds: 0) && !stop.wasSet)
        stop.set()
        #expect(stop.wait(milliseconds: 60_000) && stop.wait(milliseconds: 60_000))
        #expect(await stop.sleep(for: nil))
    }

    @Test("a sleeping task wakes with the request")
    func sleeping() async {
        let stop = StopSignal()
        async let woken = stop.sleep(for: .seconds(3600))
        stop.set()
        #expect(await woken)
        #expect(await !StopSignal().sleep(for: .milliseconds(1)))
    }
}
