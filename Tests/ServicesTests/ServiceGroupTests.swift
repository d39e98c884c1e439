// Groups of services that really run.

import Base
import Foundation
import Testing

@testable import Services

/// What happened, in order.
private final class Diary: @unchecked Sendable {
    private let lock = NSLock()
    private var lines: [String] = []
    var all: [String] { lock.withLock { lines } }
    func add(_ line: String) { lock.withLock { lines.append(line) } }
}

private struct Waiting: Service {
    let name: String
    let diary: Diary
    var failure: (any Error)?
    var limit: Duration?
    var isDeaf = false

    func stopTimeout() -> Duration? { limit }

    func run(_ stop: StopSignal) async throws {
        diary.add("\(name) runs")
        if let failure { throw failure }
        if isDeaf { await StopSignal().sleep(for: nil) } else { await stop.sleep(for: nil) }
        diary.add("\(name) ends")
    }
}

private struct Refused: Error, Equatable {}

@Suite("Group of services", .serialized)
struct ServiceGroupTests {
    private func ends(_ diary: Diary) -> [String] { diary.all.filter { $0.hasSuffix("ends") } }

    @Test("a stop request ends all, the last first")
    func stop() async throws {
        let (diary, stop) = (Diary(), StopSignal())
        stop.set()
        try await ServiceGroup.run(signals: [], stop: stop) {
            ["a", "b", "c"].map { Waiting(name: $0, diary: diary) }
        }
        #expect(ends(diary) == ["c ends", "b ends", "a ends"])
    }

    @Test("a failure stops the others and is rethrown")
    func failure() async throws {
        let diary = Diary()
        await #expect(throws: Refused.self) {
            try await ServiceGroup.run(signals: []) {
                [Waiting(name: "a", diary: diary), Waiting(name: "b", diary: diary, failure: Refused())]
            }
        }
        #expect(ends(diary) == ["a ends"])
    }

    @Test("one that hears nothing is left behind when its stop timeout is over")
    func timeout() async throws {
        let (diary, stop) = (Diary(), StopSignal())
        stop.set()
        try await ServiceGroup.run(signals: [], stop: stop) {
            [
                Waiting(name: "a", diary: diary),
                Waiting(name: "deaf", diary: diary, limit: .milliseconds(10), isDeaf: true),
            ]
        }
        #expect(ends(diary) == ["a ends"])
    }

    @Test("a signal that comes while the services are made stops them")
    func signal() async throws {
        let diary = Diary()
        try await ServiceGroup.run(signals: [SIGUSR1]) {
            kill(getpid(), SIGUSR1)
            return [Waiting(name: "a", diary: diary), Waiting(name: "b", diary: diary)]
        }
        #expect(ends(diary) == ["b ends", "a ends"])
    }

    @Test("blocking work has a thread of its own, and its error ends the group")
    func thread() async throws {
        let (diary, stop) = (Diary(), StopSignal())
        let thread = ThreadService(name: "work", stop: stop, willStop: { diary.add("told") }) {
            diary.add("works")
            stop.wait(milliseconds: 60_000)
            throw Refused()
        }
        await #expect(throws: Refused.self) {
            try await ServiceGroup.run(signals: []) { [thread, Waiting(name: "b", diary: diary, failure: Refused())] }
        }
        #expect(Set(diary.all) == ["b runs", "works", "told"])
    }
}
