// The HTTP server with its rules: loopback or a token, few connections, short requests.

import HTTPServer
package import Log

/// What one client may use.
package struct DashboardLimits: Equatable, Sendable {
    /// The most bytes of a request's body.
    package var bodyBytes = 64 << 10
    /// How long a body may take to arrive.
    package var bodyTimeout = Duration.seconds(10)
    /// Connections at the same time; one more closes the one that waits longest for its client.
    package var connections = 128
    /// Pages that are kept up to date at the same time.
    package var streams = 32
    /// How often they are.
    var streamPeriod = Duration.seconds(1)
    /// A connection without a whole head of a request for this long is closed, whether it says nothing or says it slowly.
    package var idleTimeout = Duration.seconds(30)
    /// How long an answer may wait for its reader before the connection is closed, rounded up to seconds.
    package var answerTimeout = Duration.seconds(60)
    /// How long a client that was answered before its body had come may read the answer; then its connection is closed.
    package var linger = Duration.seconds(2)

    /// The limits that the guide names.
    package init() {}
}

/// Why the pages are not served.
package struct DashboardError: Error, CustomStringConvertible, Equatable, Sendable {
    /// One line.
    package let description: String
}

/// Serves the page, the metrics and the API until it is stopped.
package final class DashboardServer: Sendable {
    /// Where it listens, with the port that was given.
    package let address: ListenAddress
    private let server: HTTPServer
    private let sources: DashboardSources

    /// Listens, and answers from now on.
    /// - Parameter token: what clients have to show; nil only on loopback.
    /// - Throws: `DashboardError` when the address cannot be listened on.
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

    /// Refuses new connections, ends open pages and running statements, and waits for the answers that are under way.
    /// - Parameter grace: after this, answers that nobody reads are cut off.
    package func stop(grace: Duration = .seconds(2)) {
        sources.willStop()
        server.stop(grace: grace)
    }
}

extension DashboardLimits {
    /// What the server itself sees to.
    fileprivate var server: HTTPLimits {
        var server = HTTPLimits()
        server.connections = connections
        server.bodyBytes = bodyBytes
        (server.headTime, server.bodyTime) = (idleTimeout, bodyTimeout)
        (server.answerTime, server.lingerTime) = (answerTimeout, linger)
        return server
    }
}
