// Routes requests to their answers.

import Health
import HTTPServer
import Synchronization

/// Answers the requests of one server.
final class Routes: HTTPHandler {
    private let sources: DashboardSources
    private let rules: AccessRules
    private let limits: DashboardLimits
    private let streams = Atomic<Int>(0)

    init(sources: DashboardSources, rules: AccessRules, limits: DashboardLimits) {
        (self.sources, self.rules, self.limits) = (sources, rules, limits)
    }

    /// Answers before the body is read, unless the request may send a statement to /api/query.
    func early(_ request: HTTPRequest) -> HTTPResponse? {
        let head = Self.head(of: request)
        let isWanted = head.path == "/api/query" && head.method == "POST" && rules.decide(head) == .granted
        return isWanted ? nil : answer(request)
    }

    func answer(_ request: HTTPRequest) -> HTTPResponse {
        let head = Self.head(of: request)
        var response: HTTPResponse
        switch rules.decide(head) {
        case .granted: response = route(request, head)
        case .probe: response = probe(head.path)
        case .signIn: response = signedIn()
        case .unauthorized: response = unauthorized(head.path)
        case .forbidden(let why): response = Answer.error(why, 403)
        }
        if request.method == "HEAD" { response.body = .bytes([]) }
        return Answer.secured(response)
    }

    func refusal(_ refusal: HTTPRefusal) -> HTTPResponse {
        let why =
            switch refusal {
            case .malformed(let why): why
            case .bodyTooLarge: "the body is over \(limits.bodyBytes >> 10) KiB"
            case .bodyTooLate: "the body did not come in time"
            }
        return Answer.secured(Answer.error(why, refusal.status))
    }

    private static func head(of request: HTTPRequest) -> RequestHead {
        let cookies = request.headers.values("Cookie")
        return RequestHead(
            method: request.method, path: request.path, host: request.headers.values("Host").first,
            origin: request.headers.values("Origin").first,
            authorization: request.headers.values("Authorization").first,
            cookie: cookies.isEmpty ? nil : cookies.joined(separator: "; "),
            queryToken: AccessRules.formValue("token", in: request.query))
    }

    private func route(_ request: HTTPRequest, _ head: RequestHead) -> HTTPResponse {
        let isGet = request.method == "GET" || request.method == "HEAD"
        switch (head.path, isGet) {
        case ("/", true): return Answer.text(PageText.html, type: "text/html; charset=utf-8")
        case ("/app.css", true): return Answer.text(PageText.css, type: "text/css; charset=utf-8")
        case ("/app.js", true): return Answer.text(PageText.script, type: "text/javascript; charset=utf-8")
        case ("/favicon.svg", true), ("/favicon.ico", true): return Answer.text(PageText.icon, type: "image/svg+xml")
        case ("/healthz", true): return Answer.text("alive\n")
        case ("/readyz", true): return ready(isDetailed: true)
        case ("/metrics", true): return metrics()
        case ("/api/status", true): return Answer.json(sources.report().json())
        case ("/api/live", true): return stream()
        case ("/api/query", false) where request.method == "POST": return query(request)
        case ("/", false), ("/healthz", false), ("/readyz", false), ("/metrics", false), ("/api/status", false),
            ("/api/live", false):
            return notAllowed("GET, HEAD")
        case ("/api/query", _): return notAllowed("POST")
        default: return Answer.error("there is nothing at this address", 404)
        }
    }

    private func notAllowed(_ allowed: String) -> HTTPResponse {
        var response = Answer.error("this address takes \(allowed)", 405)
        response.headers.append(("Allow", allowed))
        return response
    }

    // MARK: Probes

    /// The answer of a probe to anyone.
    private func probe(_ path: String) -> HTTPResponse {
        path == "/healthz" ? Answer.text("alive\n") : ready(isDetailed: false)
    }

    private func ready(isDetailed: Bool) -> HTTPResponse {
        let report = sources.report()
        let isStarting = report.facts.health?.phase == .starting
        if report.isHealthy, !isStarting { return Answer.text("ready\n") }
        var reasons =
            isDetailed ? report.reasons.map { "\($0.code.rawValue): \($0.text); \($0.advice)\n" }.joined() : ""
        if isDetailed, reasons.isEmpty { reasons = "starting: waiting for Kafka and the topic\n" }
        return Answer.text("not ready\n" + reasons, 503)
    }

    private func metrics() -> HTTPResponse {
        let text = Metrics.text(sources.report(), process: sources.process())
        return Answer.text(text, type: "text/plain; version=0.0.4; charset=utf-8")
    }

    // MARK: Signing in

    private func signedIn() -> HTTPResponse {
        HTTPResponse(
            303,
            [
                ("Location", "/"),
                ("Set-Cookie", "\(AccessRules.cookieName)=\(rules.session); Path=/; HttpOnly; SameSite=Strict"),
            ])
    }

    private func unauthorized(_ path: String) -> HTTPResponse {
        var response: HTTPResponse
        if path == "/" {
            response = Answer.text(PageText.signIn, 401, type: "text/html; charset=utf-8")
        } else if path == "/app.css" {
            // The sign-in page uses the same style sheet.
            return Answer.text(PageText.css, type: "text/css; charset=utf-8")
        } else {
            response = Answer.error("a token is needed: Authorization: Bearer TOKEN", 401)
        }
        response.headers.append(("WWW-Authenticate", "Bearer"))
        return response
    }

    // MARK: SQL

    private func query(_ request: HTTPRequest) -> HTTPResponse {
        let question: QueryRequest
        do {
            question = try QueryBody.parse(request.body, contentType: request.headers.values("Content-Type").first)
        } catch {
            return Answer.error(error.text, 400)
        }
        switch sources.query(question) {
        case .rows(let json, let isTruncated):
            var response = Answer.text(json, type: "application/json")
            response.headers.append(("Pageviews-Truncated", isTruncated ? "true" : "false"))
            return response
        case .wrong(let why): return Answer.error(why, 400)
        // Not 408, because clients retry on it.
        case .deadline(let why): return Answer.error(why, 504)
        case .tooLarge(let why): return Answer.error(why, 422)
        case .busy: return Answer.error("too many statements are running; try again", 429)
        case .failed(let why): return Answer.error(why, 503)
        }
    }

    // MARK: Live

    /// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), one a second.
    private func stream() -> HTTPResponse {
        let count = streams.add(1, ordering: .relaxed).newValue
        let lease = StreamLease { [self] in streams.subtract(1, ordering: .relaxed) }
        guard count <= limits.streams else { return Answer.error("too many pages are open", 503) }
        let live = LiveStream(sources, every: limits.streamPeriod)
        return HTTPResponse(
            200, [("Content-Type", "text/event-stream")],
            body: .stream { deadline in withExtendedLifetime(lease) { live.next(until: deadline) } })
    }
}

/// Releases a place among the open streams when its last reference goes away.
private final class StreamLease: Sendable {
    private let release: @Sendable () -> Void
    init(_ release: @escaping @Sendable () -> Void) { self.release = release }
    deinit { release() }
}
