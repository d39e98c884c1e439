// An answer that arrived whole.

/// The header lines of an answer, in order of arrival.
public struct HTTPHeaders: Sendable, Equatable {
    /// All lines, names as the server wrote them.
    public var lines: [HTTPHeader]

    /// These lines.
    public init(_ lines: [HTTPHeader] = []) { self.lines = lines }

    /// The value of the first line with this name (case does not matter), or nil.
    public subscript(name: String) -> String? {
        let wanted = name.lowercased()
        return lines.first { $0.name.lowercased() == wanted }?.value
    }
}

/// A complete answer: status line, headers and the whole body.
public struct HTTPResponse: Sendable, Equatable {
    /// The status code, 200 ... 599.
    public var status: Int
    /// The header lines.
    public var headers: HTTPHeaders
    /// The body; empty when it went to a file.
    public var body: [UInt8]

    /// An answer with these parts.
    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Whether the status is 200 ... 299.
    public var isSuccess: Bool { (200..<300).contains(status) }
}
