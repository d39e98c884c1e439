// A tiny HTTP/1.1 server on loopback for tests: what it does with each request is decided by a closure, and among the
// answers are the ways in which real servers and networks fail. One thread accepts, one serves each connection.

import Base
import Glibc

/// A request as it arrived.
package struct ReceivedRequest: Sendable {
    /// GET, PUT ...
    package var method: String
    /// The request target as sent: path and query.
    package var target: String
    /// Header lines, names in lower case.
    package var headers: [String: String]
    /// The body; empty when the fault came before it was read.
    package var body: [UInt8]
    /// The how-manyeth connection since the start it came on, from 0.
    package var connection: Int
}

/// What the server does with one request.
package enum Reply: Sendable {
    /// A complete answer; the connection stays open.
    case answer(Int, headers: [(String, String)] = [], body: [UInt8] = [])
    /// An answer that promises `promised` bytes, sends `body`, and closes.
    case truncated(Int, promised: Int, body: [UInt8])
    /// Reset (RST) after the head was read and before the body is.
    case resetBeforeBody
    /// Reset after the whole request was read.
    case resetAfterBody
    /// An orderly close without an answer, after the whole request was read.
    case closeAfterBody
    /// No answer, ever; the connection stays open until the server stops.
    case hang
    /// These bytes, whatever they are, then close.
    case raw([UInt8])
    /// An answer, then an orderly close that was not announced.
    case answerThenClose(Int, body: [UInt8])
}

/// The server. Stops when released or by `stop()`.
package final class FaultServer: Sendable {
    /// Decides about a request; the number counts requests from 0.
    package typealias Handler = @Sendable (_ request: ReceivedRequest, _ number: Int) -> Reply

    struct State {
        var received: [ReceivedRequest] = []
        var connections: [Int32] = []
        var accepted = 0
        var isStopped = false
    }

    /// The port on 127.0.0.1.
    package let port: Int
    let listener: Int32
    let handler: Handler
    /// Asked before the body is read; only `resetBeforeBody` has an effect.
    let early: Handler?
    let state: Lock<State>

    /// Starts on a free port.
    package init(early: Handler? = nil, _ handler: @escaping Handler) throws {
        (listener, port) = try Self.listen()
        self.early = early
        self.handler = handler
        state = Lock(State())
        startThread { [listener, weak self] in
            while let descriptor = Self.accepted(listener, isStopped: { self?.state.withLock(\.isStopped) ?? true }) {
                // A server started by another test must not inherit the connection: it would keep it from closing.
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                guard let self else {
                    close(descriptor)
                    break
                }
                guard self.admit(descriptor) else { break }
            }
            // Closed by the thread that accepts: its number could be another server's by the next call.
            close(listener)
        }
    }

    /// The next connection; nil when the server was stopped. While the process has no descriptor left the connection waits,
    /// as its client does.
    private static func accepted(_ listener: Int32, isStopped: () -> Bool) -> Int32? {
        while true {
            let descriptor = accept(listener, nil, nil)
            if descriptor >= 0 { return descriptor }
            let error = errno
            if isStopped() { return nil }
            if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error) { _ = poll(nil, 0, 5) }
        }
    }

    /// Starts with a fixed list of replies; the last one goes on for ever.
    package convenience init(script: [Reply]) throws {
        let next: Handler = { _, number in script[min(number, script.count - 1)] }
        try self.init(early: next, next)
    }

    deinit { stop() }

    /// `http://127.0.0.1:PORT`
    package var endpoint: String { "http://127.0.0.1:\(port)" }

    /// All requests so far, in order of arrival.
    package var received: [ReceivedRequest] { state.withLock { $0.received } }

    /// How many connections were accepted.
    package var connectionCount: Int { state.withLock { $0.accepted } }

    /// How many connections the server has not closed yet.
    package var openConnections: Int { state.withLock { $0.connections.count } }

    /// Closes everything.
    package func stop() {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.isStopped = true
            // Refuses connections from now on, and ends the accept.
            shutdown(listener, Int32(SHUT_RDWR))
            for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
        }
    }

    private func admit(_ descriptor: Int32) -> Bool {
        let number = state.withLock { state -> Int? in
            guard !state.isStopped else { return nil }
            state.connections.append(descriptor)
            state.accepted += 1
            return state.accepted - 1
        }
        guard let number else {
            close(descriptor)
            return false
        }
        startThread { [weak self] in
            var connection = Connection(descriptor: descriptor, number: number)
            while let server = self, connection.serveOne(server) {}
            // Under the lock, so that `stop` never touches a number that was given out anew.
            if let server = self {
                server.state.withLock { state in
                    state.connections.removeAll { $0 == descriptor }
                    connection.close()
                }
            } else {
                connection.close()
            }
        }
        return true
    }

    private struct CannotListen: Error {}

    private static func listen() throws -> (Int32, Int) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && Glibc.listen(descriptor, 64) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard bound else { throw CannotListen() }
        return (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    }
}

private final class ThreadBody {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}

private func startThread(_ run: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(ThreadBody(run)).toOpaque()
    let status = pthread_create(
        &thread, nil,
        { context in
            if let context { Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run() }
            return nil
        }, context)
    // Without it a client would wait for its whole time limit, and nobody would know why.
    precondition(status == 0, "the fake server gets no thread: error \(status)")
    pthread_detach(thread)
}
