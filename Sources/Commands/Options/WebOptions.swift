// The options of the HTTP server: address, token, limits.

import Arguments
import Dashboard
import Foundation
import Glibc

/// Options of `ingest` and `demo`.
struct WebOptions: Sendable {
    var listen: ListenArgument?
    var probeWarehouse = true
    /// Limits for clients. Their options are hidden; tests shorten the times.
    var limits = DashboardLimits()
    /// The longest time for a statement sent to /api/query, in milliseconds.
    var queryMilliseconds: Int64 = 30_000

    /// The token that admits clients from other machines.
    static let secrets = ["PAGEVIEWS_HTTP_TOKEN"]

    static let rows: [Option<WebOptions>] =
        [
            .value(
                "listen", \.listen, ListenArgument.kind, "host:port",
                """
                Serve the page, the metrics and SQL here; off for not at all, port 0 for any free one. An address that \
                others can reach needs the token PAGEVIEWS_HTTP_TOKEN. (default: 127.0.0.1:8080, or nothing when that is \
                taken)
                """),
            .flag(
                "probe-warehouse", \.probeWarehouse,
                "Probe the warehouse every few seconds, for status and the page.", isInvertible: true),
        ] + limitRows.map(\.hidden)

    private static let limitRows: [Option<WebOptions>] = [
        .value(
            "http-connections", \.limits.connections, .number, "n",
            "Connections at the same time; one more closes the one that waits longest.", bounds: .from(1...100_000)),
        .value(
            "http-idle-timeout", \.limits.idleTimeout, .span, "duration",
            "The longest time until a request's head is there.", bounds: times),
        .value(
            "http-body-timeout", \.limits.bodyTimeout, .span, "duration",
            "The longest time from a request's head to the end of its body.", bounds: times),
        .value(
            "http-answer-timeout", \.limits.answerTimeout, .span, "duration",
            "The longest time that an answer may wait for its reader.", bounds: times),
        .value(
            "http-query-timeout", \.queryMilliseconds, .duration, "duration",
            "The longest time for a statement sent to /api/query.", bounds: .from(100...3_600_000, .duration)),
    ]

    private static let times = Bounds<Duration>.from(.milliseconds(100)...(.seconds(3600)), .span)

    /// The address to serve at; nil when the server is off.
    /// - Throws: `Failure` with exit code 2 when a token is missing or the address, given by the user, is taken.
    func place(environment: [String: String]) throws -> WebPlace? {
        let token = environment["PAGEVIEWS_HTTP_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
        switch listen {
        case .off: return nil
        case nil: return WebPlace(address: .standard, isGiven: false, token: token)
        case .at(let address):
            guard address.isLoopback || token != nil else {
                throw Failure(
                    "--listen \(address) can be reached by others, so it needs a token: set PAGEVIEWS_HTTP_TOKEN",
                    exitCode: 2)
            }
            try Self.checkIsFree(address)
            return WebPlace(address: address, isGiven: true, token: token)
        }
    }

    /// Refuses an address in use before a state is created; the server would refuse it only afterwards.
    private static func checkIsFree(_ address: ListenAddress) throws {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address.host, "\(address.port)", &hints, &found) == 0, let first = found else {
            throw Failure("--listen \(address): unknown host; correct it", exitCode: 2)
        }
        defer { freeaddrinfo(found) }
        let probe = socket(first.pointee.ai_family, Int32(SOCK_STREAM.rawValue), 0)
        guard probe >= 0 else { return }
        defer { close(probe) }
        var yes: Int32 = 1
        setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard bind(probe, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            let reason = String(cString: strerror(errno)).lowercased()
            throw Failure("--listen \(address): \(reason); choose another address, or off", exitCode: 2)
        }
    }
}

/// An address to serve at.
struct WebPlace {
    let address: ListenAddress
    /// The user gave it, so failing to listen is an error.
    let isGiven: Bool
    let token: String?
}
