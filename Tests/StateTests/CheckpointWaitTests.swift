// How long checkpoints wait for readers, without a file, and with readers that overlap without a pause.

import Base
import Foundation
import StateFixtures
import Synchronization
import TestSupport
import Testing

@testable import SQLite
@testable import State

@Suite("Waits of checkpoints")
struct CheckpointWaitTests {
    @Test(
        "the wait doubles with each 4 MiB above 32 MiB, up to 5 seconds",
        arguments: [
            (0, nil), (8191, nil), (8192, 50), (9215, 50), (9216, 100), (10_240, 200), (12_288, 800), (14_336, 3200),
            (15_360, 5000), (1 << 30, 5000),
        ] as [(Int, Int64?)])
    func doubles(pages: Int, wait: Int64?) {
        #expect(CheckpointWait().wait(pages: pages, now: 7) == wait)
    }

    @Test("a reader that stays costs at most a fifth of the time")
    func fifth() {
        var checkpointWait = CheckpointWait()
        var (now, waited) = (Int64(0), Int64(0))
        // 4 MiB are written each 10 ms.
        for step in 0..<100_000 {
            now += 10
            guard let wait = checkpointWait.wait(pages: 8192 + 1000 * step, now: now) else { continue }
            now += wait
            waited += wait
            checkpointWait.waited(wait, now: now, wasReset: false)
        }
        // The time after the last wait is not in the sum.
        let longest = CheckpointWait.waits.upperBound
        #expect(waited > longest && (waited - longest) * 5 <= now, "\(waited) of \(now) ms")
    }

    @Test("after a reset the next checkpoint may wait at once")
    func reset() {
        var checkpointWait = CheckpointWait()
        checkpointWait.waited(5000, now: 10, wasReset: false)
        #expect(
            checkpointWait.wait(pages: 9000, now: 20_009) == nil && checkpointWait.wait(pages: 9000, now: 20_010) == 50)
        checkpointWait.waited(50, now: 20_060, wasReset: true)
        #expect(checkpointWait.wait(pages: 8192, now: 20_060) == 50)
    }

    /// Two readers of which one always has a snapshot.
    final class Relay: Sendable {
        let isDone = Atomic<Bool>(false)
        /// The reads that began.
        let begun = Atomic<Int>(0)

        /// Reads until it is done; each read ends once the other reader's next one has begun, and takes 300 ms at least.
        func read(_ path: String) throws {
            let connection = try Connection(path: path, mode: .readOnly)
            while !isDone.load(ordering: .acquiring) {
                try connection.execute("BEGIN; SELECT count(*) FROM counts")
                let mine = begun.add(1, ordering: .acquiringAndReleasing).newValue
                Thread.sleep(forTimeInterval: 0.3)
                while begun.load(ordering: .acquiring) == mine, !isDone.load(ordering: .acquiring) {
                    Thread.sleep(forTimeInterval: 0.002)
                }
                try connection.execute("COMMIT")
            }
        }
    }

    @Test("the log is reset although readers that take longer than the shortest wait overlap without a pause")
    func overlapping() async throws {
        let folder = try TemporaryFolder()
        let store = try openStore(folder.file("state.db"))
        try store.write(WriteAheadLogTests.counts(0), now: base)
        let (relay, path, clock) = (Relay(), store.path, TimeSource.system)
        let resets = Atomic<Int>(0)
        let writing = LoanedStore(store)
        let writer: @Sendable () throws -> Void = {
            defer { relay.isDone.store(true, ordering: .releasing) }
            var (round, last) = (1, 0)
            // 1 GiB of log would do for any reader.
            while resets.load(ordering: .relaxed) < 2, last < 262_144 {
                try writing.store.write(WriteAheadLogTests.counts(round), now: base)
                try writing.store.checkpointIfNeeded(pages: 500, clock: clock.monotonic)
                let pages = writing.store.connection.walPages
                if pages < last, last >= CheckpointWait.budgetPages { resets.add(1, ordering: .relaxed) }
                (last, round) = (pages, round + 1)
            }
        }
        try await onThreads([writer, { try relay.read(path) }, { try relay.read(path) }])
        #expect(resets.load(ordering: .relaxed) == 2)
        #expect(relay.begun.load(ordering: .relaxed) > 2)
    }

    /// A store that only the writer's thread uses until the threads have ended.
    private final class LoanedStore: @unchecked Sendable {
        let store: Store
        init(_ store: Store) { self.store = store }
    }
}
