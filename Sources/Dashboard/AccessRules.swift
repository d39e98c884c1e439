// Who may ask for what: a pure decision over the head of a request.
//
// Invariants: without a token only this machine can connect (the executable sees to that), and then the Host header has to
// name this machine, so that a page of another site cannot reach us under a name that it made point here; with a token it
// is compared in a time that does not depend on where it differs; /healthz and /readyz say only yes or no to anyone.

import Foundation

/// What a request's head says that matters here.
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

/// What becomes of a request.
enum Access: Equatable {
    /// It is answered.
    case granted
    /// It is answered with no more than yes or no.
    case probe
    /// The token in the address is right: it becomes a cookie, and leaves the address.
    case signIn
    /// A token is missing or wrong.
    case unauthorized
    /// It comes by a name that is not ours, or from another site.
    case forbidden(String)
}

/// The rules of one server.
struct AccessRules: Sendable {
    /// The token that has to be shown; nil on loopback without one.
    let token: String?
    /// What a browser that has shown the token is known by afterwards.
    let session: String
    /// The host it listens on.
    let host: String
    static let cookieName = "pageviews_session"
    static let probes: Set<String> = ["/healthz", "/readyz"]

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
        // Browsers say where a request comes from; other programs do not.
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

    /// A value of a query as a form sends it: a space is a plus sign (https://url.spec.whatwg.org/#urlencoded-parsing).
    static func formValue(_ name: String, in query: String?) -> String? {
        for pair in query?.split(separator: "&") ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == name else { continue }
            return parts[1].replacingOccurrences(of: "+", with: " ").removingPercentEncoding
        }
        return nil
    }

    /// Our cookie's value.
    static func session(_ header: String?) -> String? {
        for pair in header?.split(separator: ";") ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].drop(while: { $0 == " " }) == cookieName else { continue }
            return String(parts[1])
        }
        return nil
    }
}

/// Comparing and making secrets.
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

    /// 256 random bits of the system as hexadecimal text. No generator is passed: the system's is empty, and the thread
    /// sanitizer follows its address, which is none.
    static func random() -> String {
        (0..<4).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}
