// Threads of which one runs at a time: at each point where a real process could be interrupted the driver chooses which one
// goes on. The product's blocking code runs unchanged.
//
// Invariants: exactly one thread runs, the driver or one fiber; the order is the driver's choice alone; a fiber that unwinds
// is not interrupted any more.

import Dispatch
import Foundation

/// A thread that runs when the driver lets it.
final class Fiber: @unchecked Sendable {
    let name: String
    fileprivate let resumed = DispatchSemaphore(value: 0)
    fileprivate let yielded = DispatchSemaphore(value: 0)
    /// Not before this moment, in simulated milliseconds.
    var wakeAt: Int64 = 0
    /// Its process is dead: it runs to its end without effect.
    var isUnwinding = false
    fileprivate(set) var isEnded = false
    fileprivate(set) var failure: (any Error)?

    fileprivate init(name: String) { self.name = name }
}

/// Lets fibers run.
final class Scheduler: @unchecked Sendable {
    private(set) var fibers: [Fiber] = []
    private(set) var current: Fiber?

    /// Makes a fiber that begins when it is first chosen.
    func spawn(_ name: String, _ body: @escaping () throws -> Void) -> Fiber {
        let fiber = Fiber(name: name)
        let work = UncheckedBody(body)
        let thread = Thread {
            fiber.resumed.wait()
            do { try work.run() } catch { fiber.failure = error }
            fiber.isEnded = true
            fiber.yielded.signal()
        }
        thread.stackSize = 4 << 20
        thread.start()
        fibers.append(fiber)
        return fiber
    }

    /// Lets a fiber run to its next point, or its end.
    func run(_ fiber: Fiber) {
        precondition(current == nil, "a fiber may not run another one")
        guard !fiber.isEnded else { return }
        current = fiber
        fiber.resumed.signal()
        fiber.yielded.wait()
        current = nil
        if fiber.isEnded { fibers.removeAll { $0 === fiber } }
    }

    /// A point at which another fiber may go on. Called on a fiber; without effect elsewhere.
    func point() {
        guard let fiber = current, !fiber.isUnwinding else { return }
        fiber.yielded.signal()
        fiber.resumed.wait()
    }
}

/// Releases the body's references before its thread reports its end.
private final class UncheckedBody: @unchecked Sendable {
    private var body: (() throws -> Void)?

    init(_ body: @escaping () throws -> Void) { self.body = body }

    func run() throws {
        defer { body = nil }
        try body?()
    }
}

/// Runs asynchronous code on the thread that waits for it, one job after the other.
final class InlineExecutor: TaskExecutor, @unchecked Sendable {
    private let lock = NSLock()
    private let arrived = DispatchSemaphore(value: 0)
    private var jobs: [UnownedJob] = []

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        lock.withLock { jobs.append(job) }
        arrived.signal()
    }

    private final class Box<Value>: @unchecked Sendable {
        var result: Result<Value, any Error>?
    }

    private struct Work<Value>: @unchecked Sendable {
        let body: () async throws -> Value
    }

    /// Runs `body` to its end on this thread.
    func run<Value>(_ body: @escaping () async throws -> Value) throws -> Value {
        let box = Box<Value>()
        let work = Work(body: body)
        Task(executorPreference: self) {
            do { box.result = .success(try await work.body()) } catch { box.result = .failure(error) }
        }
        while true {
            if let result = box.result { return try result.get() }
            arrived.wait()
            let job = lock.withLock { jobs.isEmpty ? nil : jobs.removeFirst() }
            job?.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
