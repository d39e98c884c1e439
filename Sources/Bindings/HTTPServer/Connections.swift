// Tracks the phase of each connection, and closes connections that take too long.
//
// Invariant: libmicrohttpd reports `closed` before it closes a descriptor. This file uses descriptors only under the
// lock, so it never shuts down or writes to a number that another file has reused.

import CMicrohttpd  // owns sys/socket.h for the compiler, as in Listener.swift
import Base
import Glibc
import Synchronization

final class Connections: Sendable {
    /// What a connection waits for.
    enum Phase {
        /// The rest of a head.
        case head
        /// The rest of a body.
        case body
        /// The handler.
        case handler
        /// The client reading a response that is not a stream.
        case sending
        /// The end of a stream.
        case stream
        /// The rest of a request that was answered early.
        case linger
    }

    private struct Entry {
        var phase = Phase.head
        var since = ContinuousClock.now
        var isCut = false
    }

    private let entries = Lock<[Int32: Entry]>([:])
    /// Set under the lock, read without it.
    private let stopping = Atomic(false)
    private let limits: HTTPLimits
    /// The maximum number of simultaneous connections.
    private let most: Int
    /// The bytes to write to a connection whose body is late.
    private let lateAnswer: @Sendable () -> [UInt8]

    init(_ limits: HTTPLimits, most: Int, lateAnswer: @escaping @Sendable () -> [UInt8]) {
        (self.limits, self.most, self.lateAnswer) = (limits, most, lateAnswer)
    }

    var count: Int { entries.withLock { $0.count } }
    /// The number of connections in a phase.
    func count(in phase: Phase) -> Int { entries.withLock { $0.count { $0.value.phase == phase } } }
    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Adds a connection. Above the limit, closes the one that has waited longest for its client; when none waits, the
    /// new one.
    func opened(_ descriptor: Int32) {
        entries.withLock {
            assert($0[descriptor] == nil, "a descriptor is closed before its number is reused")
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

    /// - Returns: false when the server has closed the connection meanwhile.
    @discardableResult
    func enter(_ phase: Phase, _ descriptor: Int32) -> Bool {
        entries.withLock {
            $0[descriptor]?.phase = phase
            $0[descriptor]?.since = .now
            // The thread sees the end of the client's bytes.
            if isStopping, [.head, .body, .linger].contains(phase) { shutdown(descriptor, Int32(SHUT_RD)) }
            return $0[descriptor]?.isCut == false
        }
    }

    /// Shuts a connection down, which wakes its thread to close it.
    private static func cut(_ descriptor: Int32, _ entries: inout [Int32: Entry]) {
        entries[descriptor]?.isCut = true
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    func closed(_ descriptor: Int32) { entries.withLock { $0[descriptor] = nil } }

    /// Closes the connections that exceed a limit.
    func sweep() {
        let now = ContinuousClock.now
        entries.withLock {
            for (descriptor, entry) in $0 where !entry.isCut {
                guard let limit = limit(entry.phase), now - entry.since > limit else { continue }
                if entry.phase == .body {
                    // libmicrohttpd has not sent anything yet, and its thread will see the shutdown.
                    let bytes = lateAnswer()
                    send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
                Self.cut(descriptor, &$0)
            }
        }
    }

    /// The limit of a phase. libmicrohttpd limits responses, and handlers limit themselves.
    private func limit(_ phase: Phase) -> Duration? {
        switch phase {
        case .head: limits.headTime
        case .body: limits.bodyTime
        case .linger: limits.lingerTime
        case .handler, .sending, .stream: nil
        }
    }

    /// Lets responses finish and closes all other connections.
    /// - Parameter now: closes those with unfinished responses too.
    func stop(now: Bool) {
        entries.withLock {
            stopping.store(true, ordering: .releasing)
            for (descriptor, entry) in $0 where now || limit(entry.phase) != nil { Self.cut(descriptor, &$0) }
        }
    }
}
