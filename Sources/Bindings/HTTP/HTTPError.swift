// The one error type of this target. A caller that commits exactly once must know whether the server may have acted on
// the request: `requestMayHaveBeenProcessed` is false only when it cannot have.

/// A request without a complete response. A complete response with an error status is not an error here.
package struct HTTPError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure.
    package enum Kind: Sendable, Equatable {
        /// The request is malformed (URL, header, method); nothing was sent.
        case invalidRequest
        /// The host's name has no address.
        case couldNotResolve
        /// The connection failed.
        case couldNotConnect
        /// The TLS handshake failed, for example because of an untrusted certificate.
        case tls
        /// One of the request's three timeouts expired.
        case timedOut
        /// The connection ended before the response began.
        case connectionLost
        /// The connection ended within the response.
        case truncatedResponse
        /// The response body exceeds `maximumResponseBytes`, or its headers 256 KiB.
        case responseTooLarge
        /// A local file could not be read or written, with the system's error number.
        case localFile(errno: Int32)
        /// The task was cancelled.
        case cancelled
        /// The client was closed.
        case closed
    }

    /// The kind of failure.
    package var kind: Kind
    /// False only when no byte of the request was sent, so that the server cannot have acted on it.
    package var requestMayHaveBeenProcessed: Bool
    /// The status of the response; nil when none arrived.
    package var status: Int?
    /// Method and URL, without user information and query.
    package var subject: String
    /// The cause in libcurl's or the system's words.
    package var detail: String

    /// An error with these parts.
    package init(
        kind: Kind, requestMayHaveBeenProcessed: Bool, status: Int? = nil, subject: String, detail: String
    ) {
        self.kind = kind
        self.requestMayHaveBeenProcessed = requestMayHaveBeenProcessed
        self.status = status
        self.subject = subject
        self.detail = detail
    }

    /// One line: the request, what failed, and whether it may have taken effect.
    package var description: String {
        let sent = requestMayHaveBeenProcessed ? "the request may have been processed" : "the request was not sent"
        return "\(subject): \(words): \(detail) (\(sent))"
    }

    private var words: String {
        switch kind {
        case .invalidRequest: "invalid request"
        case .couldNotResolve: "unknown host"
        case .couldNotConnect: "cannot connect"
        case .tls: "TLS failed"
        case .timedOut: "timed out"
        case .connectionLost: "connection lost"
        case .truncatedResponse: "incomplete response"
        case .responseTooLarge: "response too large"
        case .localFile: "local file"
        case .cancelled: "cancelled"
        case .closed: "client closed"
        }
    }
}
