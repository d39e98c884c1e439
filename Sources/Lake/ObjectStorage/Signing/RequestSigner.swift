// Signs requests to an AWS service with a JSON API, such as a catalog, with SigV4 in the Authorization header.
// A signed request carries the key's id, the session token and a signature over its method, host, path, query, headers
// and body. The secret key is only the HMAC key in `SigV4.signingKey`.

import Crypto
package import HTTP

/// Adds an AWS signature to requests.
package struct RequestSigner: Sendable {
    private let credentials: CredentialsSource
    private let scope: (service: String, region: String)
    private let now: @Sendable () -> Int64

    /// A signer for one service in one region.
    /// - Parameters:
    ///   - credentials: loaded for each request.
    ///   - service: the service's name in signatures, for example `glue`.
    ///   - region: the service's region, for example `eu-central-1`.
    ///   - now: seconds since the Unix epoch.
    package init(
        credentials: CredentialsSource, service: String, region: String,
        now: @escaping @Sendable () -> Int64 = RequestSigner.systemTime
    ) {
        (self.credentials, scope, self.now) = (credentials, (service, region), now)
    }

    /// The system clock, in seconds since the Unix epoch.
    package static let systemTime: @Sendable () -> Int64 = { SystemClock.secondsSinceEpoch() }

    /// The request with Host, x-amz-date, x-amz-content-sha256, x-amz-security-token (for temporary credentials) and
    /// Authorization. All headers are signed. The query must be percent-encoded (RFC 3986), without `+` for a space.
    /// - Throws: `badCredentials` when there are none; `invalid` for a body from a file or an address without a host.
    package func signed(_ request: HTTPRequest) throws(ObjectStorageError) -> HTTPRequest {
        guard let target = Target(request.url) else { throw Self.invalid(request, "the address has no host") }
        let body: [UInt8]
        switch request.body {
        case .none: body = []
        case .bytes(let bytes): body = bytes
        case .file: throw Self.invalid(request, "a body from a file cannot be signed")
        }
        let (credentials, time) = (try credentials.load(), now())
        do throws(CryptoError) {
            return try signed(request, target, payloadHash: Hex.encode(try SHA256.hash(body)), credentials, time)
        } catch {
            throw Self.invalid(request, error.description)
        }
    }

    private func signed(
        _ request: HTTPRequest, _ target: Target, payloadHash: String, _ credentials: Credentials, _ time: Int64
    ) throws(CryptoError) -> HTTPRequest {
        var signed = request
        signed.headers += [
            HTTPHeader("Host", target.host), HTTPHeader("x-amz-content-sha256", payloadHash),
            HTTPHeader("x-amz-date", Timestamps.compact(time)),
        ]
        if let token = credentials.sessionToken { signed.headers.append(HTTPHeader("x-amz-security-token", token)) }
        // All services but S3 sign the path encoded twice (SigV4, canonical URI).
        let path = scope.service == "s3" ? target.path : PercentEncoding.encode(target.path, keepingSlashes: true)
        let signable = SignableRequest(
            method: request.method, path: path, query: target.query,
            headers: signed.headers.map { ($0.name, $0.value) }, payloadHash: payloadHash)
        let scope = SigningScope(region: scope.region, service: scope.service, time: time)
        signed.headers.append(HTTPHeader("Authorization", try SigV4.authorization(signable, credentials, scope)))
        return signed
    }

    private static func invalid(_ request: HTTPRequest, _ detail: String) -> ObjectStorageError {
        ObjectStorageError(kind: .invalid, operation: "sign", object: "\(request.method) request", detail: detail)
    }
}

/// The parts of an address that a signature covers.
private struct Target {
    /// The host, with the port unless it is the scheme's default.
    var host: String
    var path: String
    /// Names and values, percent-decoded.
    var query: [(name: String, value: String)]

    init?(_ url: String) {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        var host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        let ownPort = url.hasPrefix("https:") ? ":443" : ":80"
        if host.hasSuffix(ownPort) { host = host.dropLast(ownPort.count) }
        guard !host.isEmpty else { return nil }
        self.host = String(host)
        let path = rest[authority.endIndex...].prefix { $0 != "?" }
        self.path = path.isEmpty ? "/" : String(path)
        let pairs = rest[authority.endIndex...].dropFirst(path.count + 1).split(separator: "&")
        query = pairs.map { pair in
            let name = pair.prefix { $0 != "=" }
            let value = pair.dropFirst(name.count + 1)
            return (PercentEncoding.decode(String(name)), PercentEncoding.decode(String(value)))
        }
    }
}
