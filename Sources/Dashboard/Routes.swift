// From a request to an answer.

internal import HTTPTypes
internal import Hummingbird
internal import Log
internal import NIOCore
internal import ServiceLifecycle
internal import Store
internal import Synchronization

/// Everything a request is answered from.
final class Routes: Sendable {
    private let sources: DashboardSources
    private let rules: AccessRules
    private let limits: DashboardLimits
    private let streams = Atomic<Int>(0)

    init(sources: DashboardSources, rules: AccessRules, limits: DashboardLimits) {
        (self.sources, self.rules, self.limits) = (sources, rules, limits)
    }

    /// Answers any request; never throws. Where a body is left unread, the connection does not go on.
    func answer(_ request: Request, on channel: any Channel) async -> Response {
        let head = Self.head(of: request)
        var response: Response
        switch rules.decide(head) {
        case .granted: response = await route(request, head)
        case .probe: response = await probe(head.path)
        case .signIn: response = signedIn()
        case .unauthorized: response = unauthorized(head.path)
        case .forbidden(let why): response = Answer.error(why, .forbidden)
        }
        if request.method == .head {
            response.body = ResponseBody()
        }
        if request.hasBody, !Self.takesBody(head) || Self.leavesBody.contains(response.status) {
            response.headers[.connection] = "close"
            channel.close(after: limits.linger)
        }
        return Answer.secured(response)
    }

    private static func head(of request: Request) -> RequestHead {
        RequestHead(
            method: request.method.rawValue, path: request.uri.path, host: request.head.authority,
            origin: HTTPField.Name("Origin").flatMap { request.headers[$0] },
            authorization: request.headers[.authorization],
            cookie: request.headers[values: .cookie].joined(separator: "; "),
            queryToken: AccessRules.formValue("token", in: request.uri.query))
    }

    private static func takesBody(_ head: RequestHead) -> Bool { head.path == "/api/query" && head.method == "POST" }

    /// Answers that are given before a body has come whole.
    private static let leavesBody: Set<HTTPResponse.Status> = [
        .unauthorized, .forbidden, .requestTimeout, .contentTooLarge,
    ]

    private func route(_ request: Request, _ head: RequestHead) async -> Response {
        let isGet = request.method == .get || request.method == .head
        switch (head.path, isGet) {
        case ("/", true): return Answer.text(PageText.html, type: "text/html; charset=utf-8")
        case ("/app.css", true): return Answer.text(PageText.css, type: "text/css; charset=utf-8")
        case ("/app.js", true): return Answer.text(PageText.script, type: "text/javascript; charset=utf-8")
        case ("/favicon.svg", true), ("/favicon.ico", true): return Answer.text(PageText.icon, type: "image/svg+xml")
        case ("/healthz", true): return Answer.text("alive\n")
        case ("/readyz", true): return await ready(isDetailed: true)
        case ("/metrics", true): return await metrics()
        case ("/api/status", true): return Answer.json(await sources.report().json())
        case ("/api/live", true): return await stream()
        case ("/api/query", false) where request.method == .post: return await query(request)
        case ("/", false), ("/healthz", false), ("/readyz", false), ("/metrics", false), ("/api/status", false),
            ("/api/live", false):
            return notAllowed("GET, HEAD")
        case ("/api/query", _): return notAllowed("POST")
        default: return Answer.error("there is nothing at this address", .notFound)
        }
    }

    private func notAllowed(_ allowed: String) -> Response {
        var response = Answer.error("this address takes \(allowed)", .methodNotAllowed)
        response.headers[.allow] = allowed
        return response
    }

    // MARK: Being asked whether

    /// What strangers may know.
    private func probe(_ path: String) async -> Response {
        path == "/healthz" ? Answer.text("alive\n") : await ready(isDetailed: false)
    }

    private func ready(isDetailed: Bool) async -> Response {
        let report = await sources.report()
        let isStarting = report.facts.health?.phase == .starting
        if report.isHealthy, !isStarting { return Answer.text("ready\n") }
        var reasons = isDetailed ? report.reasons.map { "\($0.code.rawValue): \($0.text)\n" }.joined() : ""
        if isDetailed, reasons.isEmpty { reasons = "starting: Kafka and the topic are being looked for\n" }
        return Answer.text("not ready\n" + reasons, .serviceUnavailable)
    }

    private func metrics() async -> Response {
        let text = Metrics.text(await sources.report(), process: sources.process())
        return Answer.text(text, type: "text/plain; version=0.0.4; charset=utf-8")
    }

    // MARK: Signing in

    private func signedIn() -> Response {
        Response(
            status: .seeOther,
            headers: [
                .location: "/",
                .setCookie: "\(AccessRules.cookieName)=\(rules.session); Path=/; HttpOnly; SameSite=Strict",
            ])
    }

    private func unauthorized(_ path: String) -> Response {
        var response: Response
        if path == "/" {
            response = Answer.text(PageText.signIn, .unauthorized, type: "text/html; charset=utf-8")
        } else if path == "/app.css" {
            // The page that asks for the token is dressed like the others.
            return Answer.text(PageText.css, type: "text/css; charset=utf-8")
        } else {
            response = Answer.error("a token is needed: Authorization: Bearer TOKEN", .unauthorized)
        }
        response.headers[.wwwAuthenticate] = "Bearer"
        return response
    }

    // MARK: SQL

    private func query(_ request: Request) async -> Response {
        let type = request.headers[.contentType]
        let question: QueryRequest
        do {
            let bytes = try await body(of: request)
            question = try QueryBody.parse(bytes, contentType: type)
        } catch let fault as QueryBody.Fault {
            return Answer.error(fault.text, .badRequest)
        } catch is BodyTimeout {
            return Answer.error("the body did not come in time", .requestTimeout)
        } catch {
            return Answer.error("the body is over \(limits.bodyBytes >> 10) KiB", .contentTooLarge)
        }
        switch await sources.query(question) {
        case .rows(let json, let isTruncated):
            var response = Answer.text(json, type: "application/json")
            if let name = HTTPField.Name("Pageviews-Truncated") {
                response.headers[name] = isTruncated ? "true" : "false"
            }
            return response
        case .wrong(let why): return Answer.error(why, .badRequest)
        // Not 408: that invites clients to send the same again.
        case .deadline(let why): return Answer.error(why, .gatewayTimeout)
        case .tooLarge(let why): return Answer.error(why, .unprocessableContent)
        case .busy: return Answer.error("too many statements are running; try again", .tooManyRequests)
        case .failed(let why): return Answer.error(why, .serviceUnavailable)
        }
    }

    private struct BodyTimeout: Error {}

    private func body(of request: Request) async throws -> [UInt8] {
        let (most, patience) = (limits.bodyBytes, limits.bodyTimeout)
        return try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask { Array(buffer: try await request.body.collect(upTo: most)) }
            group.addTask {
                try await Task.sleep(for: patience)
                throw BodyTimeout()
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }

    // MARK: Live

    /// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), one a second.
    private func stream() async -> Response {
        let count = streams.add(1, ordering: .relaxed).newValue
        guard count <= limits.streams else {
            streams.subtract(1, ordering: .relaxed)
            return Answer.error("too many pages are open", .serviceUnavailable)
        }
        let lease = StreamLease { [self] in streams.subtract(1, ordering: .relaxed) }
        let (sources, period) = (sources, limits.streamPeriod)
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream"],
            body: ResponseBody { writer in
                defer { withExtendedLifetime(lease) {} }
                try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
                while !Task.isShuttingDownGracefully, !Task.isCancelled {
                    let json = LiveDocument.json(await sources.report(), await sources.series())
                    try await writer.write(ByteBuffer(string: "event: live\ndata: \(json)\n\n"))
                    try? await cancelWhenGracefulShutdown { try await Task.sleep(for: period) }
                }
                try await writer.finish(nil)
            })
    }
}

/// Gives a place back when the last one who holds it lets go, however that comes about.
private final class StreamLease: Sendable {
    private let release: @Sendable () -> Void
    init(_ release: @escaping @Sendable () -> Void) { self.release = release }
    deinit { release() }
}
