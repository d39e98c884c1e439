// A session with a REST catalog: its configuration, a valid token, and classified answers.
// Only `get` retries, and it sends GET requests. `send` repeats a request once, after a 401 or 419, which prove that
// the catalog did not act on it. `answer` removes secrets from messages.
// Invariant: credentials go to the origin of the catalog's address and to the token server of the settings only. A
// configuration that names another server throws.
import Avro
import Base
import HTTP
import ObjectStorage

/// An answer, or the reason why there is none.
enum RESTAnswer: Sendable {
    /// Any status with its body. `text` is the reason in the body of an error, in one line.
    case status(Int, JSON, text: String)
    /// The catalog certainly did not act on the request.
    case notSent(String)
    /// The catalog may have acted on the request.
    case lost(String)

    /// The answer in a response with any body.
    init(_ response: HTTPResponse, hiding secrets: [String]) {
        let json = response.body.isEmpty ? nil : try? JSON(parsing: response.body)
        let reason = json?["error"]?["message"]?.string
        let text = reason ?? String(decoding: response.body.prefix(16 << 10), as: UTF8.self)
        let shown = secrets.filter { !$0.isEmpty }.reduce(text) { $0.replacing($1, with: "(hidden)") }
        self = .status(
            response.status, json ?? .null,
            text: String(String(shown.map { $0.isNewline ? " " : $0 }).onOneLine.prefix(400)))
    }
}

actor RESTSession {
    struct Configuration {
        var address: String
        var prefix: String
        /// The catalog's defaults, then its overrides.
        var properties: [String: String]

        /// The configuration in the catalog's answer. Throws when it names another server that must not have our credentials.
        init(_ answer: JSON, _ settings: RESTSettings) throws(CatalogError) {
            let overrides = RESTSession.strings(answer["overrides"])
            properties = RESTSession.strings(answer["defaults"]).merging(overrides) { $1 }
            address = try RESTSession.address(named: overrides["uri"], settings)
            prefix = properties["prefix"] ?? ""
        }
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

    /// The catalog's configuration, read once. Throws when it cannot be read.
    func configured() async throws(CatalogError) -> Configuration {
        if let configuration { return configuration }
        let query = settings.warehouse.map { "?warehouse=\(RESTPath.encode($0))" } ?? ""
        let body =
            try await get("\(settings.address)/v1/config\(query)", doing: "read the configuration") ?? .object([:])
        let configuration = try Configuration(body, settings)
        self.configuration = configuration
        return configuration
    }

    /// The catalog's address after its configuration, which may name another. Throws `refused` when that is on another
    /// server and requests carry credentials.
    private static func address(named other: String?, _ settings: RESTSettings) throws(CatalogError) -> String {
        guard let other = other?.droppingTrailingSlashes else { return settings.address }
        guard settings.authorization.isNone || isCatalog(other, settings) else {
            throw CatalogError(
                .refused,
                "read the configuration at \(settings.shownAddress): it names \(RESTPath.shown(other)), which is "
                    + "another server; if the credentials are meant for it, use it as the catalog's address")
        }
        return other
    }

    /// Whether an address is on the catalog's server. False when either has no known origin.
    private static func isCatalog(_ address: String, _ settings: RESTSettings) -> Bool {
        WebOrigin(address).map { $0 == WebOrigin(settings.address) } ?? false
    }

    /// The address of a path below the prefix.
    func address(_ path: String) async throws(CatalogError) -> String {
        let configuration = try await configured()
        let prefix = configuration.prefix.isEmpty ? "" : "\(configuration.prefix)/"
        return "\(configuration.address)/v1/\(prefix)\(path)"
    }

    /// Sends a GET request; nil for 404. Retries on 408, 429, 5xx and lost connections.
    func get(_ url: String, doing what: String) async throws(CatalogError) -> JSON? {
        var last = CatalogError(.unavailable, "\(what): no answer")
        for attempt in 0..<settings.attempts {
            if attempt > 0 { await pause(.milliseconds(100 << min(attempt, 6))) }
            switch try await send("GET", url, nil) {
            case .status(let status, let json, _) where (200..<300).contains(status): return json
            // For other paths, 404 means a wrong address or warehouse.
            case .status(404, _, _) where url.contains("/namespaces"): return nil
            case .status(let status, _, let text):
                last = error(status, text, doing: "\(what) at \(RESTPath.shown(url))")
                if last.kind != .unavailable { throw last }
            case .notSent(let reason), .lost(let reason): last = CatalogError(.unavailable, "\(what): \(reason)")
            }
        }
        throw last
    }

    /// Sends a request with a valid token, and once more with a new one when the catalog refuses the token.
    func send(_ method: String, _ url: String, _ body: JSON?) async throws(CatalogError) -> RESTAnswer {
        var bytes: [UInt8]?
        do { bytes = try body?.text() } catch {
            throw CatalogError(.refused, "\(method) \(RESTPath.shown(url)): the request cannot be written: \(error)")
        }
        let answer = try await exchange(method, url, bytes)
        guard case .status(let status, _, _) = answer, status == 401 || status == 419,
            case .clientCredentials = settings.authorization
        else { return answer }
        token = nil
        return try await exchange(method, url, bytes)
    }

    private func exchange(_ method: String, _ url: String, _ body: [UInt8]?) async throws(CatalogError) -> RESTAnswer {
        let request = try await request(method, url, body)
        let secretHeaders = request.headers.filter {
            ["authorization", "x-amz-security-token"].contains($0.name.lowercased())
        }
        let hidden = secretHeaders.map { $0.value.hasPrefix("Bearer ") ? String($0.value.dropFirst(7)) : $0.value }
        return await Self.answer(client, request, hiding: hidden)
    }

    /// The request with its authorization.
    private func request(_ method: String, _ url: String, _ body: [UInt8]?) async throws(CatalogError) -> HTTPRequest {
        precondition(
            settings.authorization.isNone || Self.isCatalog(url, settings),
            "credentials go to the catalog's address only")
        let token = try await validToken()
        let headers = settings.headers.sorted { $0.key < $1.key }.map { HTTPHeader($0.key, $0.value) }
        let request = HTTPRequest.json(
            method: method, url: url, body: body, bearerToken: token, headers: headers, timeout: settings.timeout)
        guard case .signature(let signing) = settings.authorization else { return request }
        let signer = signing.signer(address: settings.address, properties: configuration?.properties ?? [:])
        do throws(ObjectStorageError) { return try signer.signed(request) } catch {
            throw CatalogError(.denied, "sign a request to \(settings.shownAddress): \(error)")
        }
    }

    /// Sends a request and classifies the answer.
    /// - Parameter secrets: texts to remove from messages, in case the catalog echoes them.
    private static func answer(
        _ client: HTTPClient, _ request: HTTPRequest, hiding secrets: [String]
    ) async -> RESTAnswer {
        do throws(HTTPError) {
            return RESTAnswer(try await client.send(request), hiding: secrets)
        } catch {
            return error.requestMayHaveBeenProcessed ? .lost("\(error)") : .notSent("\(error)")
        }
    }
}

extension RESTSession {
    private func validToken() async throws(CatalogError) -> String? {
        switch settings.authorization {
        case .none, .signature: return nil
        case .bearer(let token): return token
        case .clientCredentials(let id, let secret, let scope, let server):
            if let token, token.renewAt.map({ uptime() < $0 }) ?? true { return token.text }
            let fresh = try await fetchToken(id, secret, scope, settings.tokenServer(server))
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
        let what = "get a token for client \(id) at \(RESTPath.shown(url))"
        switch await Self.answer(client, request, hiding: [secret, RESTPath.encode(secret)]) {
        case .status(200, let json, _):
            guard let text = json["access_token"]?.string else {
                throw CatalogError(.malformed, "\(what): the answer has no access_token")
            }
            // Renewed after 90 % of its lifetime, so it does not expire in transit.
            let life = json["expires_in"]?.integer.flatMap { $0 > 0 && $0 < Int64(Int32.max) ? $0 : nil }
            return Token(text: text, renewAt: life.map { uptime() + .milliseconds($0 * 900) })
        case .status(let status, _, let text):
            let reason = Self.reason(status, text, doing: what)
            throw CatalogError(
                (400..<500).contains(status) ? .denied : .unavailable,
                "\(reason); check the catalog's credentials, and its token server")
        case .notSent(let reason), .lost(let reason): throw CatalogError(.unavailable, "\(what): \(reason)")
        }
    }

    private static func strings(_ json: JSON?) -> [String: String] {
        (json?.object ?? [:]).compactMapValues(\.string)
    }

    /// The error for a request that the catalog answered with an error status.
    nonisolated func error(_ status: Int, _ text: String, doing what: String) -> CatalogError {
        let kind: CatalogError.Kind =
            switch status {
            case 401, 403, 419: .denied
            case 404: .notFound
            case 408, 429, 500...: .unavailable
            default: .refused
            }
        let reason = Self.reason(status, text, doing: what)
        guard kind == .denied else { return CatalogError(kind, reason) }
        let sent = settings.authorization.isNone ? "no credentials were sent" : "sent: \(settings.authorization)"
        return CatalogError(kind, "\(reason); check the catalog's credentials (\(sent))")
    }

    private static func reason(_ status: Int, _ text: String, doing what: String) -> String {
        "\(what): status \(status)\(text.isEmpty ? "" : ": \(text)")"
    }
}
