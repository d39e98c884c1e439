// The server: a libmicrohttpd daemon with a thread per connection, and a thread that closes connections that take too
// long.

import CMicrohttpd
import Foundation
import Glibc
import Synchronization

/// A running HTTP/1.1 server.
package final class HTTPServer: Sendable {
    /// The listening port.
    package let port: UInt16
    /// The maximum number of simultaneous connections: that of the limits, or less when few files may be open.
    package let connectionLimit: Int
    let limits: HTTPLimits
    let handler: any HTTPHandler
    let log: @Sendable (String) -> Void
    let connections: Connections
    private let listener: Int32
    /// libmicrohttpd's pointer; 0 when stopped.
    private let daemon = Atomic<UInt>(0)

    /// Starts to listen and answer. Raises the process's soft limit on open files to the hard limit.
    /// - Parameters:
    ///   - host: an address or a name of this machine.
    ///   - wanted: the port; 0 for any free one.
    ///   - log: receives libmicrohttpd's messages, one line per call, on any thread.
    /// - Throws: `HTTPServerError` when the server cannot listen on the address or libmicrohttpd does not start.
    package init(
        host: String, port wanted: UInt16, limits: HTTPLimits = HTTPLimits(), handler: any HTTPHandler,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(HTTPServerError) {
        let files = Descriptors.raise()
        (listener, port) = try Listener.open(host, wanted)
        (self.limits, self.handler, self.log) = (limits, handler, log)
        // A third of the descriptors is for the rest of the process, and a third for connections that are closing.
        connectionLimit = max(1, min(limits.connections, files / 3))
        connections = Connections(limits, most: connectionLimit) { WrittenAnswer.bytes(handler, .bodyTooLate) }
        let limit = connectionLimit + min(384, files / 3)
        guard let started = Daemon.start(self, listener, connectionLimit: limit) else {
            close(listener)
            throw HTTPServerError(description: "libmicrohttpd does not start")
        }
        daemon.store(UInt(bitPattern: started), ordering: .releasing)
        let period = UInt32(limits.sweepPeriod / .microseconds(1))
        Thread.detachNewThread { [self] in
            while daemon.load(ordering: .acquiring) != 0 {
                connections.sweep()
                usleep(period)
            }
        }
    }

    /// Frees the port at once, ends streams, lets other responses finish for `grace`, then closes all connections.
    /// Waits for running handlers, which it cannot interrupt. Has no effect on a stopped server.
    package func stop(grace: Duration = .seconds(2)) {
        guard let daemon = OpaquePointer(bitPattern: daemon.exchange(0, ordering: .acquiringAndReleasing)) else {
            return
        }
        MHD_quiesce_daemon(daemon)
        shutdown(listener, Int32(SHUT_RDWR))
        connections.stop(now: false)
        let end = ContinuousClock.now + grace
        while connections.count > 0, .now < end { usleep(10_000) }
        connections.stop(now: true)
        MHD_stop_daemon(daemon)
        // Not earlier: libmicrohttpd's thread polls the socket until then.
        close(listener)
        Unmanaged.passUnretained(self).release()  // Daemon.start retained it
    }
}
