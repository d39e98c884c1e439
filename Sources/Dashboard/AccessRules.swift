// Decides whether a request may have its answer: a pure function of the request's head.
//
// Invariant: rules without a token belong to a server that only this machine can connect to (checked by `init`). Then
// the Host header has to name this machine, so that another site cannot reach the server through a name that it
// resolves to 127.0.0.1. Tokens are compared in constant time. Without the token, /healthz and /readyz answer only yes
// or no.

import Foundation

/// The parts of a request's head that the rules read.
struct RequestHead: Equatable {
    var method = "GET"
    var path = "/"
    var host: String?
    var origin: String?
    var authorization: String?
    var cookie: String?
    /// The value of `token` in the query.
    var queryToken: String?
}

/// The decision about a request.
enum Access: Equatable {
    /// Answer it.
    case granted
    /// Answer it with yes or no only.
    case probe
    /// The token in the address is right: set a cookie and redirect to an address without it.
    case signIn
    /// A token is missing or wrong.
    case unauthorized
    /// The Host header names another machine, or the request comes from another site.
    case forbidden(String)
}

/// The rules of one server.
struct AccessRules: Sendable {
    /// The token that clients have to present; nil for none, on loopback only.
    let token: String?
    /// The cookie value of browsers that have presented the token.
    let session: String
    /// The host that the server listens on.
    let host: String
    static let cookieName = "pageviews_session"
    static let probes: Set<String> = ["/healthz", "/readyz"]

    init(token: String?, session: String, host: String) {
        precondition(token != nil || ListenAddress.isLoopback(host), "a server without a token is not on loopback")
        (self.token, self.session, self.host) = (token, session, host)
    }

    func decide(_ request: RequestHead) -> Access {
        if let refusal = refusalByName(request) { return .forbidden(refusal) }
        guard let token else { return .granted }
        if let shown = Self.bearer(request.authorization), Secrets.areEqual(shown, token) { return .granted }
        if let shown = Self.session(request.cookie), Secrets.areEqual(shown, session) { return .granted }
        if request.path == "/", let shown = request.queryToken, Secrets.areEqual(shown, token) { return .signIn }
        return Self.probes.contains(request.path) ? .probe : .unauthorized
    }

    private func refusalByName(_ request: RequestHead) -> String? {
        if ListenAddress.isLoopback(host) {
            guard let name = request.host.flatMap(ListenAddress.host(ofHeader:)),
                ListenAddress.isLoopback(name) || name.lowercased() == host.lowercased()
            else { return "the Host header does not name this machine" }
        }
        // Browsers send the origin of a request; other programs do not.
        guard let origin = request.origin, origin != "null" || request.method != "GET" else { return nil }
        guard let hostHeader = request.host, origin == "http://\(hostHeader)" || origin == "https://\(hostHeader)"
        else {
            return "requests from other sites are not answered"
        }
        return nil
    }

    /// The token of `Authorization: Bearer TOKEN`.
    static func bearer(_ header: String?) -> String? {
        guard let header, header.lowercased().hasPrefix("bearer ") else { return nil }
        return String(header.dropFirst("bearer ".count).drop { $0 == " " })
    }

    /// A value of a form-encoded query, where a plus sign is a space (https://url.spec.whatwg.org/#urlencoded-parsing).
    static func formValue(_ name: String, in query: String?) -> String? {
        for pair in query?.split(separator: "&") ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == name else { continue }
            return parts[1].replacingOccurrences(of: "+", with: " ").removingPercentEncoding
        }
        return nil
    }

    /// The value of the session cookie.
    static func session(_ header: String?) -> String? {
        for pair in header?.split(separator: ";") ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == cookieName else { continue }
            return String(parts[1])
        }
        return nil
    }
}

/// Compares and creates secrets.
enum Secrets {
    /// Compares in a time that depends on the lengths alone.
    static func areEqual(_ one: String, _ other: String) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        var difference = UInt8(one.count == other.count ? 0 : 1)
        for index in 0..<max(one.count, other.count) {
            let left = index < one.count ? one[index] : 0
            let right = index < other.count ? other[index] : 0
            difference |= left ^ right
        }
        return difference == 0
    }

    /// 256 random bits from the system, as hexadecimal text. No generator is passed explicitly: the thread sanitizer
    /// fails on the address of the system's, which is an empty type.
    static func random() -> String {
        (0..<4).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
