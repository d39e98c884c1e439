// How to reach an Iceberg REST catalog, and with whose credentials.

/// Settings of a REST catalog.
///
/// Invariant: credentials go to the address, and to the token server that stands here, and nowhere else: not to a token
/// server or to another address that the catalog's own answers name.
package struct RESTSettings: Sendable {
    /// How requests are authorized.
    package enum Authorization: Sendable {
        /// Not at all.
        case none
        /// With a token as it is.
        case bearer(String)
        /// With a token of the OAuth client credentials grant, renewed before it expires or when it is refused.
        /// `server` is the token endpoint; nil: `v1/oauth/tokens` of the catalog.
        case clientCredentials(id: String, secret: String, scope: String, server: String?)
        /// With a signature for each request.
        case signature(RESTSigning)
    }

    /// The address, up to but without `/v1`.
    package var address: String
    /// The warehouse to ask for, as the catalog names it.
    package var warehouse: String?
    /// How requests are authorized.
    package var authorization: Authorization
    /// More header lines of every request.
    package var headers: [String: String]
    /// The longest one request may take.
    package var timeout: Duration
    /// How often a request that changes nothing is tried.
    package var attempts: Int

    /// A catalog at an address.
    package init(
        address: String, warehouse: String? = nil, authorization: Authorization = .none,
        headers: [String: String] = [:], timeout: Duration = .seconds(60), attempts: Int = 3
    ) {
        self.address = address.droppingTrailingSlashes
        self.warehouse = warehouse
        self.authorization = authorization
        self.headers = headers
        self.timeout = timeout
        self.attempts = max(1, attempts)
    }
}

extension RESTSettings {
    /// The address for messages: without user and password, and without its query.
    var shownAddress: String { RESTPath.shown(address) }

    /// Where tokens are asked for.
    func tokenServer(_ named: String?) -> String { named ?? "\(address)/v1/oauth/tokens" }
}

extension RESTSettings.Authorization {
    var isNone: Bool { if case .none = self { true } else { false } }
}

extension RESTSettings.Authorization: CustomStringConvertible {
    /// For messages; without the secret.
    package var description: String {
        switch self {
        case .none: "none"
        case .bearer: "bearer token"
        case .clientCredentials(let id, _, _, _): "client \(id)"
        case .signature: "signatures"
        }
    }
}

enum RESTPath {
    /// One part of a path or a form value, percent-encoded: only unreserved characters stay.
    static func encode(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }

    /// A form body.
    static func form(_ fields: [(String, String)]) -> [UInt8] {
        [UInt8](fields.map { "\(encode($0.0))=\(encode($0.1))" }.joined(separator: "&").utf8)
    }

    /// An address without user and password, and without its query, which may hold what is nobody's business.
    static func shown(_ url: String) -> String {
        let url = url.prefix { $0 != "?" }
        guard let scheme = url.firstRange(of: "://") else { return String(url) }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return String(url) }
        return "\(url[..<scheme.upperBound])\(rest[rest.index(after: at)...])"
    }

    /// Levels are joined by the unit separator.
    static func namespace(_ levels: [String]) -> String { encode(levels.joined(separator: "\u{1F}")) }
}
