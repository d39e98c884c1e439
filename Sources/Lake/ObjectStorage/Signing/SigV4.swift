// AWS Signature Version 4 in the Authorization header: a pure function of request, credentials and time.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

import Crypto

/// The parts of a request that a signature covers.
struct SignableRequest: Equatable {
    var method: String
    /// Encoded with `PercentEncoding`, keeping slashes, as sent; not normalised.
    var path: String
    /// Names and values before encoding, in any order.
    var query: [(name: String, value: String)]
    /// The headers to sign, including Host and x-amz-date.
    var headers: [(name: String, value: String)]
    /// The value of x-amz-content-sha256: the body's SHA-256 in lower-case hexadecimal.
    var payloadHash: String

    static func == (left: SignableRequest, right: SignableRequest) -> Bool {
        SigV4.canonicalRequest(left) == SigV4.canonicalRequest(right)
    }
}

/// The credential scope of a signature.
struct SigningScope: Equatable {
    var region: String
    var service: String
    /// Seconds since the Unix epoch.
    var time: Int64

    var date: String { String(Timestamps.compact(time).prefix(8)) }
    var text: String { "\(date)/\(region)/\(service)/aws4_request" }
}

enum SigV4 {
    /// The SHA-256 of no bytes, in hexadecimal.
    static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    /// The value of the Authorization header.
    static func authorization(
        _ request: SignableRequest, _ credentials: Credentials, _ scope: SigningScope
    ) throws(CryptoError) -> String {
        let key = try signingKey(credentials.secretAccessKey, scope)
        let text = try stringToSign(request, scope)
        let signature = Hex.encode(try HMACSHA256.authenticate(Array(text.utf8), key: key))
        return "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope.text), "
            + "SignedHeaders=\(signedHeaders(request)), Signature=\(signature)"
    }

    static func stringToSign(_ request: SignableRequest, _ scope: SigningScope) throws(CryptoError) -> String {
        let hash = Hex.encode(try SHA256.hash(Array(canonicalRequest(request).utf8)))
        return "AWS4-HMAC-SHA256\n\(Timestamps.compact(scope.time))\n\(scope.text)\n\(hash)"
    }

    static func canonicalRequest(_ request: SignableRequest) -> String {
        let lines = canonicalHeaders(request).map { "\($0.name):\($0.value)\n" }.joined()
        return [
            request.method, request.path, queryString(request.query), lines, signedHeaders(request),
            request.payloadHash,
        ].joined(separator: "\n")
    }

    /// The query string as signed and sent: encoded, sorted by name and then value, with `=` after every name.
    static func queryString(_ query: [(name: String, value: String)]) -> String {
        query
            .map {
                (
                    PercentEncoding.encode($0.name, keepingSlashes: false),
                    PercentEncoding.encode($0.value, keepingSlashes: false)
                )
            }
            .sorted { $0.0 == $1.0 ? $0.1.precedesInBytes($1.1) : $0.0.precedesInBytes($1.0) }
            .map { "\($0.0)=\($0.1)" }
            .joined(separator: "&")
    }

    private static func signedHeaders(_ request: SignableRequest) -> String {
        canonicalHeaders(request).map(\.name).joined(separator: ";")
    }

    /// Lower-case names, sorted. Collapses runs of spaces in values and joins values of one name with commas.
    private static func canonicalHeaders(_ request: SignableRequest) -> [(name: String, value: String)] {
        var values: [String: [String]] = [:]
        for header in request.headers {
            let value = header.value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
            values[header.name.lowercased(), default: []].append(value)
        }
        return values.keys.sorted { $0.precedesInBytes($1) }
            .map { name in (name, (values[name] ?? []).joined(separator: ",")) }
    }

    private static func signingKey(_ secret: String, _ scope: SigningScope) throws(CryptoError) -> [UInt8] {
        var key = Array("AWS4\(secret)".utf8)
        for part in [scope.date, scope.region, scope.service, "aws4_request"] {
            key = try HMACSHA256.authenticate(Array(part.utf8), key: key)
        }
        return key
    }
}
