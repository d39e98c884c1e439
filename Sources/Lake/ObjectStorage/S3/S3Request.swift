// An S3 request before and after signing. Pure.

import Crypto
import HTTP

struct S3Request {
    /// The operation's name in messages: put, get and so on.
    var operation: String
    var method: String
    /// The object's key; nil for the bucket itself.
    var key: String?
    var query: [(name: String, value: String)] = []
    var headers: [(name: String, value: String)] = []
    var body: HTTPBody = .none
    /// The SHA-256 of the body, in lower-case hexadecimal.
    var payloadHash = SigV4.emptyHash
    var sink: HTTPSink = .memory
    var maximumResponseBytes: Int64 = 64 << 20
    /// Whether the operation changes something: an attempt without an answer then has an unknown outcome.
    var isWrite: Bool { method != "GET" && method != "HEAD" }
    /// Whether a 200 may carry an error: S3 sends the status of CompleteMultipartUpload before it completes the upload.
    var mayHideError = false

    /// The HTTP request, signed at `time`, in seconds since the Unix epoch.
    func signed(
        _ endpoint: S3Endpoint, _ settings: S3Settings, _ credentials: Credentials, time: Int64, timeout: Duration
    ) throws(CryptoError) -> HTTPRequest {
        var headers = headers
        headers.append(("Host", endpoint.host))
        headers.append(("x-amz-content-sha256", payloadHash))
        headers.append(("x-amz-date", Timestamps.compact(time)))
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token)) }
        let path = endpoint.path(key)
        let signable = SignableRequest(
            method: method, path: path, query: query, headers: headers, payloadHash: payloadHash)
        let scope = SigningScope(region: settings.region, service: "s3", time: time)
        headers.append(("Authorization", try SigV4.authorization(signable, credentials, scope)))
        return HTTPRequest(
            method: method, url: endpoint.url(path: path, query: SigV4.queryString(query)),
            headers: headers.map { HTTPHeader($0.name, $0.value) }, body: body, sink: sink,
            maximumResponseBytes: maximumResponseBytes, timeout: timeout, connectTimeout: settings.connectTimeout,
            stallTimeout: settings.stallTimeout)
    }
}
