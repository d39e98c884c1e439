// A complete response.

/// The header lines of a response, in order of arrival.
package struct HTTPHeaders: Sendable, Equatable {
    /// All lines, with names as the server wrote them.
    package var lines: [HTTPHeader]

    /// The given lines.
    package init(_ lines: [HTTPHeader] = []) { self.lines = lines }

    /// The value of the first line with this name (case does not matter), or nil.
    package subscript(name: String) -> String? {
        let wanted = name.lowercased()
        return lines.first { $0.name.lowercased() == wanted }?.value
    }
}

/// A complete response: status, headers and the whole body.
package struct HTTPResponse: Sendable, Equatable {
    /// The status code, 200 ... 599.
    package var status: Int
    /// The header lines.
    package var headers: HTTPHeaders
    /// The body; empty when it went to a file.
    package var body: [UInt8]

    /// A response with these parts.
    package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Whether the status is 200 ... 299.
    package var isSuccess: Bool { (200..<300).contains(status) }
}
