// Purpose: how to reach an Iceberg REST catalog.

/// Settings of a REST catalog.
public struct RESTSettings: Sendable {
    /// How requests are authorized.
    public enum Authorization: Sendable {
        /// Not at all.
        case none
        /// With a token as it is.
        case bearer(String)
        /// With a token of the OAuth client credentials grant, renewed before it expires or when it is refused.
        /// `server` is the token endpoint; nil: `v1/oauth/tokens` of the catalog.
        case clientCredentials(id: String, secret: String, scope: String, server: String?)
    }

    /// The address, up to but without `/v1`.
    public var address: String
    /// The warehouse to ask for, as the catalog names it.
    public var warehouse: String?
    /// How requests are authorized.
    public var authorization: Authorization
    /// More header lines of every request.
    public var headers: [String: String]
    /// The longest one request may take.
    public var timeout: Duration
    /// How often a request that changes nothing is tried.
    public var attempts: Int

    /// A catalog at an address.
    public init(
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

extension RESTSettings.Authorization: CustomStringConvertible {
    /// For messages; without the secret.
    public var description: String {
        switch self {
        case .none: "none"
        case .bearer: "bearer token"
        case .clientCredentials(let id, _, _, _): "client \(id)"
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

    /// Levels are joined by the unit separator.
    static func namespace(_ levels: [String]) -> String { encode(levels.joined(separator: "\u{1F}")) }
}
