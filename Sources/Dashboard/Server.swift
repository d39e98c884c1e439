// The HTTP server of the page: on loopback or with a token, with limits on connections, sizes and times.

import HTTPServer
package import Log

/// The limits for clients.
package struct DashboardLimits: Equatable, Sendable {
    /// The most bytes of a request's body.
    package var bodyBytes = 64 << 10
    /// How long a body may take to arrive.
    package var bodyTimeout = Duration.seconds(10)
    /// Connections at the same time; one more closes the one that waits longest for its client.
    package var connections = 128
    /// Event streams open at the same time.
    package var streams = 32
    /// The interval of the events of a stream.
    var streamPeriod = Duration.seconds(1)
    /// How long a request's head may take to arrive before the connection is closed.
    package var idleTimeout = Duration.seconds(30)
    /// How long an answer may wait for its reader before the connection is closed, rounded up to seconds.
    package var answerTimeout = Duration.seconds(60)
    /// How long a client may read an answer that was sent before its body arrived; then the connection is closed.
    package var linger = Duration.seconds(2)

    /// The default limits.
    package init() {}
}

/// The server cannot start.
package struct DashboardError: Error, CustomStringConvertible, Equatable, Sendable {
    /// One line.
    package let description: String
}

/// Serves the page, the metrics and the API until it is stopped.
package final class DashboardServer: Sendable {
    /// The address it listens on, with the actual port.
    package let address: ListenAddress
    private let server: HTTPServer
    private let sources: DashboardSources

    /// Starts to listen and to answer.
    /// - Parameter token: the token that clients have to present; nil only on loopback.
    /// - Throws: `DashboardError` when it cannot listen on the address, or needs a token to.
    package init(
        address wanted: ListenAddress, token: String?, sources: DashboardSources,
        limits: DashboardLimits = DashboardLimits(), log: Logger
    ) throws(DashboardError) {
        guard token != nil || wanted.isLoopback else {
            throw DashboardError(description: "\(wanted) can be reached from elsewhere, so it needs a token")
        }
        let rules = AccessRules(token: token, session: Secrets.random(), host: wanted.host)
        do {
            server = try HTTPServer(
                host: wanted.host, port: UInt16(clamping: wanted.port), limits: limits.server,
                handler: Routes(sources: sources, rules: rules, limits: limits),
                log: { line in log.debug("libmicrohttpd: \(line)") })
        } catch {
            throw DashboardError(description: "cannot listen on \(wanted): \(error)")
        }
        self.sources = sources
        address = ListenAddress(host: wanted.host, port: Int(server.port))
        if server.connectionLimit < limits.connections {
            log.warning(
                "at most \(server.connectionLimit) connections to the page: the limit of open files is too low for more"
            )
        }
    }

    /// Refuses new connections, ends event streams and running statements, and waits for answers in progress.
    /// - Parameter grace: how long to wait; then unread answers are cut off.
    package func stop(grace: Duration = .seconds(2)) {
        sources.willStop()
        server.stop(grace: grace)
    }
}

extension DashboardLimits {
    /// The limits that `HTTPServer` enforces.
    fileprivate var server: HTTPLimits {
        var server = HTTPLimits()
        server.connections = connections
        server.bodyBytes = bodyBytes
        (server.headTime, server.bodyTime) = (idleTimeout, bodyTimeout)
        (server.answerTime, server.lingerTime) = (answerTimeout, linger)
        return server
    }
}
