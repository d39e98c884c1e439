// Requests, responses and limits: values without C types.

/// Header fields in the order of arrival.
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
    /// The method as received; methods are case-sensitive.
    package let method: String
    /// The path as received, still percent-encoded; begins with a slash.
    package let path: String
    /// The part after the question mark, still encoded; nil without one.
    package let query: String?
    /// All fields of the head, without white space around their values.
    package let headers: HTTPFields
    /// The body; empty when there is none.
    package internal(set) var body: [UInt8] = []
}

/// The body of a response.
package enum HTTPBody {
    /// The whole body.
    case bytes([UInt8])
    /// A function that returns the next piece, called repeatedly on the connection's thread. It may wait until the
    /// deadline, 250 ms away. It returns `[]` when there is no piece yet, and nil at the end. The server releases it
    /// when the response ends for any reason.
    case stream((_ deadline: ContinuousClock.Instant) -> [UInt8]?)
}

/// A response.
package struct HTTPResponse {
    /// The status code.
    package var status: Int
    /// The header fields. The server adds Content-Length or Transfer-Encoding, Connection and Date.
    package var headers: HTTPFields
    /// The body.
    package var body: HTTPBody

    /// A response with these parts.
    package init(_ status: Int, _ headers: HTTPFields = [], body: HTTPBody = .bytes([])) {
        (self.status, self.headers, self.body) = (status, headers, body)
    }

    /// A response with a text as its body.
    package init(_ status: Int, text: String, type: String = "text/plain; charset=utf-8") {
        self.init(status, [("Content-Type", type)], body: .bytes(Array(text.utf8)))
    }
}

/// The server's reason to refuse a request without its handler.
package enum HTTPRefusal: Equatable, Sendable {
    /// 400. The text names the malformed part of the head.
    case malformed(String)
    /// 413: the body exceeds `bodyBytes`.
    case bodyTooLarge
    /// 408: the body took longer than `bodyTime`.
    case bodyTooLate

    /// The required status of the response.
    package var status: Int {
        switch self {
        case .malformed: 400
        case .bodyTooLarge: 413
        case .bodyTooLate: 408
        }
    }

    /// The reason phrase of the status.
    var reason: String {
        switch self {
        case .malformed: "Bad Request"
        case .bodyTooLarge: "Content Too Large"
        case .bodyTooLate: "Request Timeout"
        }
    }
}

/// Answers requests. Each call is on the connection's own thread and may block; the server's `stop` waits for it.
package protocol HTTPHandler: Sendable {
    /// Decides on the head of a request with a body.
    /// - Returns: a response, which leaves the body unread and closes the connection; nil to read the body.
    func early(_ head: HTTPRequest) -> HTTPResponse?
    /// The response to a complete request.
    func answer(_ request: HTTPRequest) -> HTTPResponse
    /// The response to a refused request, not a stream. Called on any thread; must not block.
    func refusal(_ refusal: HTTPRefusal) -> HTTPResponse
}

/// The limits on clients.
package struct HTTPLimits: Sendable {
    /// The maximum number of simultaneous connections. One more closes the connection that has waited longest for a
    /// request.
    package var connections = 128
    /// The maximum size of a body in bytes (inclusive). A larger one gets a 413.
    package var bodyBytes = 64 << 10
    /// The maximum duration of a head, from the start of the connection or the end of the last response.
    package var headTime = Duration.seconds(30)
    /// The maximum duration of a body, from the end of the head. A later one gets a 408.
    package var bodyTime = Duration.seconds(10)
    /// The maximum time without progress of a response, rounded up to seconds. A stream gets two seconds more.
    package var answerTime = Duration.seconds(60)
    /// The maximum time for which a client may continue to send a request that was answered early.
    package var lingerTime = Duration.seconds(2)

    /// The defaults.
    package init() {}

    /// `answerTime` in whole seconds, at least one.
    var answerSeconds: UInt32 {
        let (seconds, rest) = answerTime.components
        return UInt32(clamping: max(1, rest > 0 ? seconds + 1 : seconds))
    }

    /// The interval between checks of the times.
    var sweepPeriod: Duration {
        min(.milliseconds(250), max(.milliseconds(20), min(headTime, bodyTime, lingerTime) / 4))
    }
}
