// The server: one libmicrohttpd daemon with a thread for each connection, and one thread that ends what takes too long.

import CMicrohttpd
import Foundation
import Glibc
import Synchronization

/// A running HTTP/1.1 server.
package final class HTTPServer: Sendable {
    /// The port it listens on.
    package let port: UInt16
    /// The most connections at the same time: the limit that was asked for, or less where few files may be open.
    package let connectionLimit: Int
    let limits: HTTPLimits
    let handler: any HTTPHandler
    let log: @Sendable (String) -> Void
    let connections: Connections
    private let listener: Int32
    /// libmicrohttpd's pointer; 0 when stopped.
    private let daemon = Atomic<UInt>(0)

    /// Listens, and answers from now on. Raises the process's limit of open files to its hard limit.
    /// - Parameters:
    ///   - host: an address or a name of this machine.
    ///   - wanted: 0 for any free port.
    ///   - log: given what libmicrohttpd says, a line at a time, on any thread.
    /// - Throws: `HTTPServerError` when the address cannot be listened on.
    package init(
        host: String, port wanted: UInt16, limits: HTTPLimits = HTTPLimits(), handler: any HTTPHandler,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(HTTPServerError) {
        let files = Descriptors.raise()
        (listener, port) = try Listener.open(host, wanted)
        (self.limits, self.handler, self.log) = (limits, handler, log)
        // A third of the descriptors is for the rest of the process, a third for connections that are being closed.
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

    /// Frees the port at once, ends streams, lets other answers end, and cuts off after `grace` what has not ended by then.
    /// A handler cannot be cut off: this waits for it. Without effect when it was stopped.
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
        // Not earlier: libmicrohttpd's thread polls it until then.
        close(listener)
        Unmanaged.passUnretained(self).release()  // Daemon.start retained it
    }
}
