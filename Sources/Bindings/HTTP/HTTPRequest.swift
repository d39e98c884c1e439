// A request as the client sends it: the URL byte for byte (no normalisation of dot segments or percent-encoding), and
// no headers beyond the given ones except Host, Content-Length, Accept and User-Agent. The client follows no redirects.

/// One header line. Names compare without regard to case.
package struct HTTPHeader: Sendable, Equatable {
    /// The name as written.
    package var name: String
    /// The value, without line breaks.
    package var value: String

    /// A header line. Sending a line break or NUL in either part fails with `invalidRequest`.
    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A part of a local file, read while it is sent.
package struct FileRegion: Sendable, Equatable {
    /// Path of the file, which must not change until the request has ended.
    package var path: String
    /// First byte, from 0.
    package var offset: Int64
    /// Number of bytes.
    package var length: Int64

    /// The `length` bytes at `offset` of the file at `path`.
    package init(path: String, offset: Int64, length: Int64) {
        self.path = path
        self.offset = offset
        self.length = length
    }
}

/// The body of a request.
package enum HTTPBody: Sendable, Equatable {
    /// No body. POST, PUT and PATCH send a Content-Length of 0.
    case none
    /// These bytes.
    case bytes([UInt8])
    /// A part of a file, read while it is sent.
    case file(FileRegion)

    var length: Int64 {
        switch self {
        case .none: 0
        case .bytes(let bytes): Int64(bytes.count)
        case .file(let region): region.length
        }
    }
}

/// The destination of the body of a 2xx response. Any other response's body goes to memory, so that an error text is
/// never written where data is expected.
package enum HTTPSink: Sendable, Equatable {
    /// Into `HTTPResponse.body`.
    case memory
    /// Into the file at this path, which is created or truncated first. The client removes it when the request fails.
    case file(path: String)
}

/// One HTTP/1.1 request.
package struct HTTPRequest: Sendable, Equatable {
    /// GET, HEAD, PUT, POST, DELETE ...
    package var method: String
    /// An absolute http or https URL, percent-encoded by the caller and sent as given.
    package var url: String
    /// Header lines in the order they are sent. A `Host` here replaces the one derived from the URL.
    package var headers: [HTTPHeader]
    /// The body.
    package var body: HTTPBody
    /// The destination of the body of a 2xx response.
    package var sink: HTTPSink
    /// The largest response body in bytes (inclusive); a larger one fails with `responseTooLarge`.
    package var maximumResponseBytes: Int64
    /// Timeout of the whole exchange, from the call to the last byte of the response.
    package var timeout: Duration
    /// Timeout of a connection, TLS included.
    package var connectTimeout: Duration
    /// Timeout without a byte in either direction (whole seconds, at least one).
    package var stallTimeout: Duration

    /// A request with the given parts; the defaults suit small control messages.
    package init(
        method: String = "GET", url: String, headers: [HTTPHeader] = [], body: HTTPBody = .none,
        sink: HTTPSink = .memory, maximumResponseBytes: Int64 = 64 << 20, timeout: Duration = .seconds(60),
        connectTimeout: Duration = .seconds(10), stallTimeout: Duration = .seconds(60)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.sink = sink
        self.maximumResponseBytes = maximumResponseBytes
        self.timeout = timeout
        self.connectTimeout = connectTimeout
        self.stallTimeout = stallTimeout
    }

    /// A request with a JSON body (or none) that accepts a JSON response, with a bearer token unless nil.
    package static func json(
        method: String = "POST", url: String, body: [UInt8]? = nil, bearerToken: String? = nil,
        headers: [HTTPHeader] = [], timeout: Duration = .seconds(60)
    ) -> HTTPRequest {
        var all = [HTTPHeader("Accept", "application/json")]
        if body != nil { all.append(HTTPHeader("Content-Type", "application/json")) }
        if let bearerToken { all.append(HTTPHeader("Authorization", "Bearer \(bearerToken)")) }
        return HTTPRequest(
            method: method, url: url, headers: all + headers, body: body.map { .bytes($0) } ?? .none,
            timeout: timeout)
    }
}

extension HTTPRequest {
    /// GET and HEAD change nothing on the server, so libcurl may repeat them when a kept connection is dead. A call
    /// sends any other request at most once.
    var isSafeToRepeat: Bool { method == "GET" || method == "HEAD" }

    /// Method and URL without user information and query, for messages.
    var subject: String {
        let url = self.url.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = url.firstRange(of: "://") else { return "\(method) \(url)" }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        return "\(method) \(url[..<scheme.upperBound])\(host)\(rest[authority.endIndex...])"
    }

    /// The reason not to send the request; nil for a well-formed one.
    var defect: String? {
        if method.isEmpty || !method.utf8.allSatisfy({ $0 >= 0x41 && $0 <= 0x5A }) { return "the method is malformed" }
        if !url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            return "the URL contains bytes that must be percent-encoded"
        }
        for header in headers {
            let isName = !header.name.isEmpty && header.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
            if !isName { return "a header name is malformed" }
            if header.value.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) {
                return "the value of header \(header.name) contains a line break or NUL"
            }
        }
        if case .file(let region) = body, region.offset < 0 || region.length < 0 {
            return "the file region is negative"
        }
        return nil
    }
}
