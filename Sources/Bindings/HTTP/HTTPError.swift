// Why there is no complete answer. The one thing a caller that commits exactly once must know is whether the server can
// have acted on the request; `requestMayHaveBeenProcessed` says so and errs on the side of "yes".

/// A request without a complete answer. An answer with an error status is not an error here.
package struct HTTPError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong.
    package enum Kind: Sendable, Equatable {
        /// The request is malformed (URL, header, method); nothing was sent.
        case invalidRequest
        /// The host's name has no address.
        case couldNotResolve
        /// No connection could be made.
        case couldNotConnect
        /// TLS failed: handshake, or a certificate that is not trusted.
        case tls
        /// The time for connecting, for the whole exchange, or without any byte flowing, ran out.
        case timedOut
        /// The connection ended before the answer began.
        case connectionLost
        /// The answer began and did not end.
        case truncatedResponse
        /// The answer is larger than `maximumResponseBytes`.
        case responseTooLarge
        /// A local file could not be read or written; the system's error number.
        case localFile(errno: Int32)
        /// The task was cancelled.
        case cancelled
        /// The client was closed.
        case closed
    }

    /// What went wrong.
    package var kind: Kind
    /// False only when not one byte of the request was handed to the network: then the server cannot have acted on it.
    package var requestMayHaveBeenProcessed: Bool
    /// The status of the answer, when it came that far.
    package var status: Int?
    /// Method and URL, without user information and query.
    package var subject: String
    /// The transport's own words.
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
        case .truncatedResponse: "incomplete answer"
        case .responseTooLarge: "answer too large"
        case .localFile: "local file"
        case .cancelled: "cancelled"
        case .closed: "client closed"
        }
    }
}
