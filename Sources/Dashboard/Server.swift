// The HTTP server as a service: loopback or a token, few connections, short requests.

internal import Glibc
internal import Hummingbird
public import Log
internal import NIOCore
public import ServiceLifecycle

/// What one client may use.
public struct DashboardLimits: Equatable, Sendable {
    /// The most bytes of a request's body.
    public var bodyBytes = 64 << 10
    /// How long a body may take to arrive.
    public var bodyTimeout = Duration.seconds(10)
    /// Connections at the same time; more wait until one of them ends.
    public var connections = 128
    /// Pages that are kept up to date at the same time.
    public var streams = 32
    /// How often they are.
    public var streamPeriod = Duration.seconds(1)
    /// A connection without a whole head of a request for this long is closed, whether it says nothing or says it slowly.
    public var idleTimeout = Duration.seconds(30)
    /// How long a client may leave an answer lying before its connection is closed.
    public var answerTimeout = Duration.seconds(60)
    /// How long a client that was answered before its body had come may read the answer; then its connection is closed.
    public var linger = Duration.seconds(2)

    /// The limits that the guide names.
    public init() {}
}

/// Why the pages are not served.
public struct DashboardError: Error, CustomStringConvertible, Equatable, Sendable {
    /// One line.
    public let description: String
}

/// Serves the page, the metrics and the API.
public struct DashboardServer: Service {
    private let address: ListenAddress
    private let token: String?
    private let sources: DashboardSources
    private let limits: DashboardLimits
    private let log: Logger
    private let started: @Sendable (ListenAddress) -> Void

    /// - Parameters:
    ///   - token: what clients have to show; nil only on loopback.
    ///   - started: called with the address once it listens, with the port that was given.
    public init(
        address: ListenAddress, token: String?, sources: DashboardSources, limits: DashboardLimits = DashboardLimits(),
        log: Logger, started: @escaping @Sendable (ListenAddress) -> Void = { _ in }
    ) {
        (self.address, self.token, self.sources, self.limits) = (address, token, sources, limits)
        (self.log, self.started) = (log, started)
    }

    /// Serves until graceful shutdown.
    /// - Throws: `DashboardError` when the address cannot be listened on.
    public func run() async throws {
        guard token != nil || address.isLoopback else {
            throw DashboardError(description: "\(address) can be reached from elsewhere, so it needs a token")
        }
        var generator = SystemRandomNumberGenerator()
        let rules = AccessRules(token: token, session: Secrets.random(using: &generator), host: address.host)
        let routes = Routes(sources: sources, rules: rules, limits: limits)
        var quiet = log
        quiet.logLevel = .critical
        let (address, started) = (address, started)
        let patience = TimeAmount(limits.answerTimeout)
        let application = Application(
            responder: CallbackResponder<ConnectionContext> { request, context in
                await routes.answer(request, on: context.channel)
            },
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [UnreadAnswerHandler(patience)],
                    idleTimeout: TimeAmount(limits.idleTimeout))),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port),
                availableConnectionsDelegate: .maximum(limits.connections, logger: quiet)),
            onServerRunning: { channel in
                // One at a time, or a few more than the limit are let in at once.
                try? await channel.setOption(.maxMessagesPerRead, value: 1).get()
                started(ListenAddress(host: address.host, port: channel.localAddress?.port ?? address.port))
            }, logger: quiet)
        do {
            try await application.run()
        } catch let error as IOError {
            throw DashboardError(description: "cannot listen on \(address): \(Self.reason(error))")
        } catch let error where "\(type(of: error))".contains("SocketAddress") {
            throw DashboardError(description: "cannot listen on \(address): there is no such host here")
        }
    }

    private static func reason(_ error: IOError) -> String {
        String(cString: strerror(error.errnoCode)).lowercased()
    }
}
