// Requests, answers and limits: values, without anything of the C library.

/// Header fields in the order they came.
package typealias HTTPFields = [(name: String, value: String)]

extension HTTPFields {
    /// All values of a field, whatever the case of its name.
    package func values(_ name: String) -> [String] {
        let wanted = name.lowercased()
        return filter { $0.name.lowercased() == wanted }.map(\.value)
    }
}

/// A request.
package struct HTTPRequest: Sendable {
    /// As it came: methods have a case.
    package let method: String
    /// As it came, still percent-encoded; begins with a slash.
    package let path: String
    /// The part after the question mark, still encoded; nil without one.
    package let query: String?
    /// All fields of its head, without white space around their values.
    package let headers: HTTPFields
    /// Empty when there is none.
    package internal(set) var body: [UInt8] = []
}

/// The body of an answer.
package enum HTTPBody {
    /// Known as a whole.
    case bytes([UInt8])
    /// Asked for its next piece again and again, always on the connection's thread. It may wait for one until the deadline,
    /// a quarter of a second away, and returns `[]` when there is none yet, nil when there is no more. It is released when
    /// the answer ends, however that comes about.
    case stream((_ deadline: ContinuousClock.Instant) -> [UInt8]?)
}

/// An answer.
package struct HTTPResponse {
    /// The status code.
    package var status: Int
    /// The header fields. The server adds Content-Length or Transfer-Encoding, Connection and Date.
    package var headers: HTTPFields
    /// The body.
    package var body: HTTPBody

    /// An answer from its parts.
    package init(_ status: Int, _ headers: HTTPFields = [], body: HTTPBody = .bytes([])) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }

    /// An answer that is text.
    package init(_ status: Int, text: String, type: String = "text/plain; charset=utf-8") {
        self.init(status, [("Content-Type", type)], body: .bytes(Array(text.utf8)))
    }
}

/// Why the server itself refuses a request.
package enum HTTPRefusal: Equatable, Sendable {
    /// 400. The text says which part of the head.
    case malformed(String)
    /// 413.
    case bodyTooLarge
    /// 408.
    case bodyTooLate

    /// The status that the answer has to have.
    package var status: Int {
        switch self {
        case .malformed: 400
        case .bodyTooLarge: 413
        case .bodyTooLate: 408
        }
    }

    /// The status in words.
    var reason: String {
        switch self {
        case .malformed: "Bad Request"
        case .bodyTooLarge: "Content Too Large"
        case .bodyTooLate: "Request Timeout"
        }
    }
}

/// Answers requests. Each call is on the connection's own thread, which it may block; the server's stop waits for it.
package protocol HTTPHandler: Sendable {
    /// The head of a request that announces a body.
    /// - Returns: the answer, and then the body is not read and the connection ends; nil to read the body.
    func early(_ head: HTTPRequest) -> HTTPResponse?
    /// A request that has come whole.
    func answer(_ request: HTTPRequest) -> HTTPResponse
    /// How a refusal is told; it must not be a stream. May be called on any thread, and does not block.
    func refusal(_ refusal: HTTPRefusal) -> HTTPResponse
}

/// What clients may use.
package struct HTTPLimits: Sendable {
    /// Connections at the same time. One more closes the one that waits longest for a whole request.
    package var connections = 128
    /// The most bytes of a body. More is answered 413.
    package var bodyBytes = 64 << 10
    /// How long a head may take, from the connection's begin or the last answer's end.
    package var headTime = Duration.seconds(30)
    /// How long a body may take, from the end of the head. Later is answered 408.
    package var bodyTime = Duration.seconds(10)
    /// How long an answer may wait for its reader, rounded up to seconds. A stream that says nothing for two seconds more
    /// is ended too.
    package var answerTime = Duration.seconds(60)
    /// How long a client that was answered before its request had come whole may go on sending.
    package var lingerTime = Duration.seconds(2)

    /// The defaults.
    package init() {}

    /// In whole seconds, at least one.
    var answerSeconds: UInt32 {
        let (seconds, rest) = answerTime.components
        return UInt32(clamping: max(1, rest > 0 ? seconds + 1 : seconds))
    }

    /// How often times are looked at.
    var sweepPeriod: Duration {
        min(.milliseconds(250), max(.milliseconds(20), min(headTime, bodyTime, lingerTime) / 4))
    }
}
