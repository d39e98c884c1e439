// The settings of an Iceberg REST catalog: its address, authorization and limits.

/// Settings of a REST catalog.
///
/// Credentials go to this address and to this token server only, whatever addresses the catalog's answers name;
/// `RESTSession` enforces it.
package struct RESTSettings: Sendable {
    /// The authorization of requests.
    package enum Authorization: Sendable {
        /// No authorization.
        case none
        /// A bearer token.
        case bearer(String)
        /// A token from the OAuth 2.0 client credentials grant (RFC 6749, 4.4), renewed before it expires and when the
        /// catalog refuses it. `server` is the token endpoint; nil: `v1/oauth/tokens` of the catalog.
        case clientCredentials(id: String, secret: String, scope: String, server: String?)
        /// An AWS signature per request.
        case signature(RESTSigning)
    }

    /// The catalog's address, without `/v1`.
    package var address: String
    /// The catalog's name of the warehouse to use; nil: its default.
    package var warehouse: String?
    /// The authorization of requests.
    package var authorization: Authorization
    /// Additional headers of every request.
    package var headers: [String: String]
    /// Time limit of one request.
    package var timeout: Duration
    /// Largest number of attempts of a read request, 1 or more.
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
    /// Whether the address begins with http:// or https:// and a host. Requests with credentials need such an address.
    package var hasWebAddress: Bool { WebOrigin(address) != nil }

    /// The address in messages, without user, password and query.
    var shownAddress: String { RESTPath.shown(address) }

    /// The token endpoint.
    func tokenServer(_ named: String?) -> String { named ?? "\(address)/v1/oauth/tokens" }
}

extension RESTSettings.Authorization {
    var isNone: Bool { if case .none = self { true } else { false } }
}

extension RESTSettings.Authorization: CustomStringConvertible {
    /// The authorization in messages, without secrets.
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
    /// Percent-encodes a path part or form value, except unreserved characters (RFC 3986, 2.3).
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

    /// A body of application/x-www-form-urlencoded.
    static func form(_ fields: [(String, String)]) -> [UInt8] {
        [UInt8](fields.map { "\(encode($0.0))=\(encode($0.1))" }.joined(separator: "&").utf8)
    }

    /// An address without user, password and query, which may contain secrets.
    static func shown(_ url: String) -> String {
        let url = url.prefix { $0 != "?" }
        guard let scheme = url.firstRange(of: "://") else { return String(url) }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return String(url) }
        return "\(url[..<scheme.upperBound])\(rest[rest.index(after: at)...])"
    }

    /// A namespace as a path part: levels joined by the unit separator, U+001F (REST catalog specification, namespace).
    static func namespace(_ levels: [String]) -> String { encode(levels.joined(separator: "\u{1F}")) }
}
