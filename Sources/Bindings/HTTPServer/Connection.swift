// A connection: its requests and their responses, one after the other. All calls are on the connection's thread, which
// may block.

import CMicrohttpd
import Glibc

final class Connection {
    private let server: HTTPServer
    private let descriptor: Int32
    private var current = Current(target: "")

    /// The current request.
    private struct Current {
        let target: String
        var request: HTTPRequest?
        /// The request was read to its end.
        var isComplete = false
        /// The connection closes after the response.
        var isLast = false
    }

    init(_ server: HTTPServer, _ descriptor: Int32) { (self.server, self.descriptor) = (server, descriptor) }

    /// Called for each request line.
    func start(_ target: String) { current = Current(target: target) }

    /// Called once for the head, once for each part of a body, and once at the end of the request.
    func proceed(
        _ connection: OpaquePointer, _ method: String, _ version: String, _ data: UnsafeRawBufferPointer
    ) -> MHD_Result {
        guard var request = current.request else { return begin(connection, method, version) }
        if data.count > 0 {
            guard request.body.count + data.count <= server.limits.bodyBytes else { return refuseRest() }
            current.request?.body = []  // leaves one reference to the array: appending does not copy
            request.body.append(contentsOf: data)
            current.request = request
            return .YES
        }
        current.isComplete = true
        guard server.connections.enter(.handler, descriptor) else { return .NO }
        return send(server.handler.answer(request), on: connection)
    }

    /// Refuses a chunked body that has become too large. libmicrohttpd accepts no response during a body, so this
    /// writes one to the socket.
    private func refuseRest() -> MHD_Result {
        current.isComplete = true  // `completed` must not read the rest again
        guard server.connections.enter(.linger, descriptor) else { return .NO }
        let answer = WrittenAnswer.bytes(server.handler, .bodyTooLarge)
        Glibc.send(descriptor, answer, answer.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        readRest()
        return .NO
    }

    /// Handles the head. A response from here leaves the body unread and closes the connection.
    private func begin(_ connection: OpaquePointer, _ method: String, _ version: String) -> MHD_Result {
        guard server.connections.enter(.handler, descriptor) else { return .NO }
        let answer: HTTPResponse
        do {
            let (head, length) = try RequestHead.read(
                connection, method: method, target: current.target, version: version)
            if length == 0 {
                (current.request, current.isLast) = (head, version == "HTTP/1.0")
                return .YES
            }
            if let early = server.handler.early(head) {
                answer = early
            } else if length ?? 0 <= server.limits.bodyBytes {
                (current.request, current.isLast) = (head, version == "HTTP/1.0")
                return server.connections.enter(.body, descriptor) ? .YES : .NO
            } else {
                answer = server.handler.refusal(.bodyTooLarge)
            }
        } catch {
            answer = server.handler.refusal(.malformed(error.text))
        }
        current.isLast = true
        return send(answer, on: connection)
    }

    private func send(_ answer: HTTPResponse, on connection: OpaquePointer) -> MHD_Result {
        let response: OpaquePointer?
        switch answer.body {
        case .bytes(let bytes):
            response = bytes.withUnsafeBytes {
                MHD_create_response_from_buffer($0.count, .init(mutating: $0.baseAddress), .RESPMEM_MUST_COPY)
            }
        case .stream(let next): response = stream(next)
        }
        guard let response else { return .NO }
        defer { MHD_destroy_response(response) }
        // libmicrohttpd rejects a header that would end the line or the head.
        for (name, value) in answer.headers where MHD_add_response_header(response, name, value) == .NO {
            server.log("the answer to \(current.target) has a header that cannot be sent: \(name)")
            return .NO
        }
        if current.isLast || server.connections.isStopping { MHD_add_response_header(response, "Connection", "close") }
        let seconds = server.limits.answerSeconds
        if case .bytes = answer.body {
            server.connections.enter(.sending, descriptor)
            cmhd_set_idle(connection, seconds)
        } else {
            server.connections.enter(.stream, descriptor)
            cmhd_set_idle(connection, seconds.addingReportingOverflow(2).partialValue)
        }
        return MHD_queue_response(connection, UInt32(clamping: answer.status), response)
    }

    private func stream(_ next: @escaping (ContinuousClock.Instant) -> [UInt8]?) -> OpaquePointer? {
        let reader = Unmanaged.passRetained(StreamReader(next, server.connections, descriptor))
        let response = MHD_create_response_from_callback(
            cmhd_size_unknown, 4096,
            { context, _, buffer, most in
                guard let context, let buffer else { return cmhd_end_with_error }
                return Unmanaged<StreamReader>.fromOpaque(context).takeUnretainedValue().read(buffer, most)
            }, reader.toOpaque(),
            { context in
                if let context { Unmanaged<StreamReader>.fromOpaque(context).release() }
            })
        if response == nil { reader.release() }
        return response
    }

    /// The response was sent, or the connection has ended; libmicrohttpd does not always report the latter.
    func completed(_ reason: MHD_RequestTerminationCode, _ connection: OpaquePointer) {
        let isAnswered = reason == .REQUEST_TERMINATED_COMPLETED_OK || reason == .REQUEST_TERMINATED_WITH_ERROR
        let isWhole = current.isComplete
        current = Current(target: "")
        cmhd_set_idle(connection, 0)
        guard isAnswered, !isWhole else {
            server.connections.enter(.head, descriptor)
            return
        }
        server.connections.enter(.linger, descriptor)
        readRest()
    }

    /// Reads and discards the rest of a request that was answered early, until it ends or `lingerTime` is over. Closing
    /// a socket with unread bytes resets the connection, and the client could lose the response.
    private func readRest() {
        shutdown(descriptor, Int32(SHUT_WR))
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&question, 1, -1) > 0, recv(descriptor, &bytes, bytes.count, 0) > 0 {}
    }
}
