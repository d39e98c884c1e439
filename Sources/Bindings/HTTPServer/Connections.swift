// Tracks what each connection waits for, and closes those that take too long.
//
// Invariant: libmicrohttpd calls `closed` before it closes the descriptor, and descriptors are used here under the same lock
// only, so a number that was given to another file is never shut down or written to.

import CMicrohttpd  // owns sys/socket.h for the compiler, as in Listener.swift
import Base
import Glibc
import Synchronization

final class Connections: Sendable {
    /// What is awaited.
    enum Phase {
        /// The rest of a head.
        case head
        /// The rest of a body.
        case body
        /// The handler.
        case handler
        /// The reader of an answer that is known as a whole.
        case sending
        /// The end of a stream.
        case stream
        /// The end of what the client sends although it has its answer.
        case linger
    }

    private struct Entry {
        var phase = Phase.head
        var since = ContinuousClock.now
        var isCut = false
    }

    private let entries = Lock<[Int32: Entry]>([:])
    /// Set under the same lock, read without it.
    private let stopping = Atomic(false)
    private let limits: HTTPLimits
    /// The most connections at the same time.
    private let most: Int
    /// What is written to a connection whose body is late.
    private let lateAnswer: @Sendable () -> [UInt8]

    init(_ limits: HTTPLimits, most: Int, lateAnswer: @escaping @Sendable () -> [UInt8]) {
        (self.limits, self.most, self.lateAnswer) = (limits, most, lateAnswer)
    }

    var count: Int { entries.withLock { $0.count } }
    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// One too many: the one that waits longest for its client goes. When there is none, the new one does.
    func opened(_ descriptor: Int32) {
        entries.withLock {
            $0[descriptor] = Entry()
            if isStopping { return Self.cut(descriptor, &$0) }
            let open = $0.filter { !$0.value.isCut }
            guard open.count > most else { return }
            let longest =
                Self.longest(open.filter { $0.key != descriptor && [.head, .body, .linger].contains($0.value.phase) })
                ?? Self.longest(open.filter { $0.value.phase == .sending })
            Self.cut(longest ?? descriptor, &$0)
        }
    }

    private static func longest(_ entries: [Int32: Entry]) -> Int32? {
        entries.min { $0.value.since < $1.value.since }?.key
    }

    /// - Returns: false when the connection was closed meanwhile, so that there is nobody to answer.
    @discardableResult
    func enter(_ phase: Phase, _ descriptor: Int32) -> Bool {
        entries.withLock {
            $0[descriptor]?.phase = phase
            $0[descriptor]?.since = .now
            // It ends as if the client had closed.
            if isStopping, [.head, .body, .linger].contains(phase) { shutdown(descriptor, Int32(SHUT_RD)) }
            return $0[descriptor]?.isCut == false
        }
    }

    /// Its thread wakes up and ends it.
    private static func cut(_ descriptor: Int32, _ entries: inout [Int32: Entry]) {
        entries[descriptor]?.isCut = true
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    func closed(_ descriptor: Int32) { entries.withLock { $0[descriptor] = nil } }

    /// Ends what took too long.
    func sweep() {
        let now = ContinuousClock.now
        entries.withLock {
            for (descriptor, entry) in $0 where !entry.isCut {
                guard let limit = limit(entry.phase), now - entry.since > limit else { continue }
                if entry.phase == .body {
                    // libmicrohttpd has said nothing yet, and its thread will find that the connection is cut.
                    let bytes = lateAnswer()
                    send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
                Self.cut(descriptor, &$0)
            }
        }
    }

    /// Answers have their limit in libmicrohttpd, handlers their own.
    private func limit(_ phase: Phase) -> Duration? {
        switch phase {
        case .head: limits.headTime
        case .body: limits.bodyTime
        case .linger: limits.lingerTime
        case .handler, .sending, .stream: nil
        }
    }

    /// From now on answers are finished, and nothing else; or they are not even finished.
    func stop(now: Bool) {
        entries.withLock {
            stopping.store(true, ordering: .releasing)
            for (descriptor, entry) in $0 where now || limit(entry.phase) != nil { Self.cut(descriptor, &$0) }
        }
    }
}
