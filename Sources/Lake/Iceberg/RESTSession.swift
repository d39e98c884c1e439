// Purpose: one conversation with a REST catalog: its configuration, a valid token, and answers told apart.
// Invariants: a request that changes something is sent again only after an answer that proves it was not acted on (401,
// 419); secrets never stand in messages.
internal import Avro
internal import HTTP

/// An answer, or why there is none.
enum RESTAnswer: Sendable {
    /// A status and its body; any status.
    case status(Int, JSON, text: String)
    /// The request was certainly not acted on.
    case notSent(String)
    /// It may have been acted on.
    case lost(String)
}

actor RESTSession {
    struct Configuration {
        var address: String
        var prefix: String
        /// Defaults under the client's settings under overrides.
        var properties: [String: String]
    }

    private struct Token {
        let text: String
        let renewAt: Duration?
    }

    private let client: HTTPClient
    private let settings: RESTSettings
    private let uptime: @Sendable () -> Duration
    private let pause: @Sendable (Duration) async -> Void
    private var configuration: Configuration?
    private var token: Token?

    init(
        client: HTTPClient, settings: RESTSettings, uptime: @escaping @Sendable () -> Duration,
        pause: @escaping @Sendable (Duration) async -> Void
    ) {
        self.client = client
        self.settings = settings
        self.uptime = uptime
        self.pause = pause
    }

    /// The catalog's configuration, asked for once. Throws when it cannot be had.
    func configured() async throws(CatalogError) -> Configuration {
        if let configuration { return configuration }
        let query = settings.warehouse.map { "?warehouse=\(RESTPath.encode($0))" } ?? ""
        let body =
            try await get("\(settings.address)/v1/config\(query)", doing: "read the configuration") ?? .object([:])
        let defaults = Self.strings(body["defaults"])
        let overrides = Self.strings(body["overrides"])
        let properties = defaults.merging(overrides) { $1 }
        let configuration = Configuration(
            address: (overrides["uri"] ?? settings.address).droppingTrailingSlashes,
            prefix: properties["prefix"] ?? "", properties: properties)
        self.configuration = configuration
        return configuration
    }

    /// The address of a path below the prefix.
    func address(_ path: String) async throws(CatalogError) -> String {
        let configuration = try await configured()
        let prefix = configuration.prefix.isEmpty ? "" : "\(configuration.prefix)/"
        return "\(configuration.address)/v1/\(prefix)\(path)"
    }

    /// Reads; nil for 404. Tried again on 5xx, 429 and lost connections.
    func get(_ url: String, doing what: String) async throws(CatalogError) -> JSON? {
        var last = CatalogError(.unavailable, "\(what): no answer")
        for attempt in 0..<settings.attempts {
            if attempt > 0 { await pause(.milliseconds(100 << min(attempt, 6))) }
            switch try await send("GET", url, nil) {
            case .status(let status, let json, _) where (200..<300).contains(status): return json
            // Elsewhere it means a wrong address or warehouse.
            case .status(404, _, _) where url.contains("/namespaces"): return nil
            case .status(let status, let json, let text):
                last = Self.error(status, json, text, doing: "\(what) at \(Self.shown(url))")
                if last.kind != .unavailable { throw last }
            case .notSent(let reason), .lost(let reason): last = CatalogError(.unavailable, "\(what): \(reason)")
            }
        }
        throw last
    }

    /// Sends a request with a valid token; once more with a fresh one when the token is refused.
    func send(_ method: String, _ url: String, _ body: JSON?) async throws(CatalogError) -> RESTAnswer {
        var bytes: [UInt8]?
        do { bytes = try body?.text() } catch {
            throw CatalogError(.refused, "\(method) \(Self.shown(url)): the request cannot be written: \(error)")
        }
        let answer = await exchange(method, url, bytes, token: try await validToken())
        guard case .status(let status, _, _) = answer, status == 401 || status == 419,
            case .clientCredentials = settings.authorization
        else { return answer }
        token = nil
        return await exchange(method, url, bytes, token: try await validToken())
    }

    private func exchange(_ method: String, _ url: String, _ body: [UInt8]?, token: String?) async -> RESTAnswer {
        let headers = settings.headers.sorted { $0.key < $1.key }.map { HTTPHeader($0.key, $0.value) }
        let request = HTTPRequest.json(
            method: method, url: url, body: body, bearerToken: token, headers: headers, timeout: settings.timeout)
        return await Self.answer(client, request)
    }

    private static func answer(_ client: HTTPClient, _ request: HTTPRequest) async -> RESTAnswer {
        do throws(HTTPError) {
            let response = try await client.send(request)
            let json = response.body.isEmpty ? nil : try? JSON(parsing: response.body)
            let text = String(decoding: response.body.prefix(300), as: UTF8.self)
            return .status(response.status, json ?? .null, text: text)
        } catch {
            return error.requestMayHaveBeenProcessed ? .lost("\(error)") : .notSent("\(error)")
        }
    }
}

extension RESTSession {
    private func validToken() async throws(CatalogError) -> String? {
        switch settings.authorization {
        case .none: return nil
        case .bearer(let token): return token
        case .clientCredentials(let id, let secret, let scope, let server):
            if let token, token.renewAt.map({ uptime() < $0 }) ?? true { return token.text }
            let fresh = try await fetchToken(id, secret, scope, server ?? "\(settings.address)/v1/oauth/tokens")
            token = fresh
            return fresh.text
        }
    }

    private func fetchToken(
        _ id: String, _ secret: String, _ scope: String, _ url: String
    ) async throws(CatalogError) -> Token {
        let form = RESTPath.form([
            ("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret), ("scope", scope),
        ])
        let request = HTTPRequest(
            method: "POST", url: url,
            headers: [
                HTTPHeader("Content-Type", "application/x-www-form-urlencoded"),
                HTTPHeader("Accept", "application/json"),
            ], body: .bytes(form), timeout: settings.timeout)
        let what = "get a token for client \(id) at \(Self.shown(url))"
        switch await Self.answer(client, request) {
        case .status(200, let json, _):
            guard let text = json["access_token"]?.string else {
                throw CatalogError(.malformed, "\(what): the answer has no access_token")
            }
            // Renewed after nine tenths of its life, so that it does not expire on the way.
            let life = json["expires_in"]?.integer.flatMap { $0 > 0 && $0 < Int64(Int32.max) ? $0 : nil }
            return Token(text: text, renewAt: life.map { uptime() + .milliseconds($0 * 900) })
        case .status(let status, let json, let text):
            let error = Self.error(status, json, text, doing: what)
            throw CatalogError(
                (400..<500).contains(status) ? .denied : .unavailable,
                "\(error.description); check the catalog's credentials")
        case .notSent(let reason), .lost(let reason): throw CatalogError(.unavailable, "\(what): \(reason)")
        }
    }

    private static func strings(_ json: JSON?) -> [String: String] {
        (json?.object ?? [:]).compactMapValues(\.string)
    }

    /// An address without its query, which may hold what is nobody's business.
    static func shown(_ url: String) -> String { String(url.prefix { $0 != "?" }) }

    /// What an error status means for a request that was answered with it.
    static func error(_ status: Int, _ json: JSON, _ text: String, doing what: String) -> CatalogError {
        let kind: CatalogError.Kind =
            switch status {
            case 401, 403, 419: .denied
            case 404: .notFound
            case 408, 429, 500...: .unavailable
            default: .refused
            }
        let fallback = text.isEmpty ? "" : ": \(text)"
        let reason = json["error"]?["message"]?.string.map { ": \($0)" } ?? fallback
        let line = String(reason.map { $0.isNewline ? " " : $0 }.prefix(400))
        return CatalogError(kind, "\(what): status \(status)\(line)")
    }
}
