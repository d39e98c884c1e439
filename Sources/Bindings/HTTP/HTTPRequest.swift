// One request as it will go over the wire. Nothing here is interpreted: the URL is sent byte for byte as given (no
// normalisation of dot segments or percent-encoding), redirects are not followed, and no header is invented except
// Host, Content-Length, Accept and User-Agent.

/// One header line. Names compare without regard to case.
package struct HTTPHeader: Sendable, Equatable {
    /// The name as written.
    package var name: String
    /// The value, without line breaks.
    package var value: String

    /// A header line; line breaks and NUL in either part are refused when the request is sent.
    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A part of a local file, sent without being held in memory.
package struct FileRegion: Sendable, Equatable {
    /// Path of the file; it must not change while the request is under way.
    package var path: String
    /// First byte, from 0.
    package var offset: Int64
    /// Number of bytes.
    package var length: Int64

    /// The `length` bytes of the file at `path` from `offset` on.
    package init(path: String, offset: Int64, length: Int64) {
        self.path = path
        self.offset = offset
        self.length = length
    }
}

/// What a request carries.
package enum HTTPBody: Sendable, Equatable {
    /// No body. For POST, PUT and PATCH a Content-Length of 0 is sent.
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

/// Where the body of a 2xx answer goes. The body of any other answer always goes to memory, so that an error text never
/// ends up where data is expected.
package enum HTTPSink: Sendable, Equatable {
    /// Into `HTTPResponse.body`.
    case memory
    /// Into the file at this path, created or emptied first; removed again when the request fails.
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
    /// Where the body of a 2xx answer goes.
    package var sink: HTTPSink
    /// The largest answer accepted, in bytes of body; above it the request fails with `responseTooLarge`.
    package var maximumResponseBytes: Int64
    /// The longest the whole exchange may take, from the call to the last byte of the answer.
    package var timeout: Duration
    /// The longest a connection, TLS included, may take to be made.
    package var connectTimeout: Duration
    /// The longest that no byte may flow in either direction (whole seconds, at least one).
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

    /// A request with a JSON body (or none) that accepts a JSON answer, with a bearer token where one is given.
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
    /// GET and HEAD change nothing on the server, so libcurl may repeat them when a kept connection turns out
    /// to be dead. Anything else goes out at most once per call.
    var isSafeToRepeat: Bool { method == "GET" || method == "HEAD" }

    /// Method and URL without user information and query: fit for messages.
    var subject: String {
        let url = self.url.prefix { $0 != "?" && $0 != "#" }
        guard let scheme = url.firstRange(of: "://") else { return "\(method) \(url)" }
        let rest = url[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        return "\(method) \(url[..<scheme.upperBound])\(host)\(rest[authority.endIndex...])"
    }

    /// What is wrong with the request before anything is sent, or nil.
    var defect: String? {
        if method.isEmpty || !method.utf8.allSatisfy({ $0 >= 0x41 && $0 <= 0x5A }) { return "the method is malformed" }
        if !url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            return "the URL holds bytes that must be percent-encoded"
        }
        for header in headers {
            let isName = !header.name.isEmpty && header.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
            if !isName { return "a header name is malformed" }
            if header.value.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A || $0 == 0 }) {
                return "the value of header \(header.name) holds a line break"
            }
        }
        if case .file(let region) = body, region.offset < 0 || region.length < 0 {
            return "the file region is negative"
        }
        return nil
    }
}
