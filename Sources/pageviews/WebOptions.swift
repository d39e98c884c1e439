// Where the pages are, and who may see them.

internal import ArgumentParser
internal import Dashboard
internal import Foundation
internal import Glibc

/// `HOST:PORT` or `off`.
enum ListenArgument: ExpressibleByArgument, Equatable {
    case off
    case at(ListenAddress)

    init?(argument: String) {
        if argument == "off" {
            self = .off
        } else if let address = ListenAddress(argument) {
            self = .at(address)
        } else {
            return nil
        }
    }
}

/// Options of `ingest` and `demo`.
struct WebOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Serve the page, the metrics and SQL here; off for not at all, port 0 for any free one. An address that others \
            can reach needs the token PAGEVIEWS_HTTP_TOKEN. (default: 127.0.0.1:8080, or nothing when that is taken)
            """, valueName: "host:port"))
    var listen: ListenArgument?

    @Flag(
        inversion: .prefixedNo, help: "Ask the warehouse for a sign of life every few seconds, for status and the page."
    )
    var probeWarehouse = true

    @OptionGroup(visibility: .hidden) var limits: WebLimitOptions

    /// Where to serve; nil for not at all.
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

    /// Says early, before a state is made, what the server would say late.
    private static func checkIsFree(_ address: ListenAddress) throws {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address.host, "\(address.port)", &hints, &found) == 0, let first = found else {
            throw Failure("--listen \(address): there is no such host here; correct it", exitCode: 2)
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

/// What clients of the pages may use. The defaults suit everybody; tests cannot wait for them.
struct WebLimitOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Connections at the same time; more wait.", valueName: "n"))
    var httpConnections = DashboardLimits().connections

    @Option(help: ArgumentHelp("The longest time until a request's head is there.", valueName: "duration"))
    var httpIdleTimeout = DurationArgument(milliseconds: 30_000)

    @Option(help: ArgumentHelp("The longest time from a request's head to the end of its body.", valueName: "duration"))
    var httpBodyTimeout = DurationArgument(milliseconds: 10_000)

    @Option(help: ArgumentHelp("The longest time that an answer may wait for its reader.", valueName: "duration"))
    var httpAnswerTimeout = DurationArgument(milliseconds: 60_000)

    @Option(help: ArgumentHelp("The longest time for a statement sent to /api/query.", valueName: "duration"))
    var httpQueryTimeout = DurationArgument(milliseconds: 30_000)

    func validate() throws {
        guard (1...100_000).contains(httpConnections) else {
            throw ValidationError("--http-connections must be from 1 to 100000")
        }
        let times = [
            ("idle", httpIdleTimeout), ("body", httpBodyTimeout), ("answer", httpAnswerTimeout),
            ("query", httpQueryTimeout),
        ]
        for (name, time) in times where !(100...3_600_000).contains(time.milliseconds) {
            throw ValidationError("--http-\(name)-timeout must be from 100ms to 1h")
        }
    }

    /// As the server wants them.
    var dashboard: DashboardLimits {
        var limits = DashboardLimits()
        limits.connections = httpConnections
        limits.idleTimeout = .milliseconds(httpIdleTimeout.milliseconds)
        limits.bodyTimeout = .milliseconds(httpBodyTimeout.milliseconds)
        limits.answerTimeout = .milliseconds(httpAnswerTimeout.milliseconds)
        return limits
    }
}

/// An address to serve at.
struct WebPlace {
    let address: ListenAddress
    /// The user asked for it, so it has to work.
    let isGiven: Bool
    let token: String?
}
