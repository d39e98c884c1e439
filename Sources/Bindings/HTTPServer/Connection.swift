// A connection: its requests and their answers, one after the other, all on its own thread, which may wait.

import CMicrohttpd
import Glibc

final class Connection {
    private let server: HTTPServer
    private let descriptor: Int32
    private var current = Current(target: "")

    /// What is known of the request that is on it.
    private struct Current {
        let target: String
        var request: HTTPRequest?
        /// It was read to its end.
        var isComplete = false
        /// The connection ends with it.
        var isLast = false
    }

    init(_ server: HTTPServer, _ descriptor: Int32) { (self.server, self.descriptor) = (server, descriptor) }

    /// A request line has come.
    func start(_ target: String) { current = Current(target: target) }

    /// Called once for the head, once for each part of a body, and once at the end of the request.
    func proceed(
        _ connection: OpaquePointer, _ method: String, _ version: String, _ data: UnsafeRawBufferPointer
    ) -> MHD_Result {
        guard var request = current.request else { return begin(connection, method, version) }
        if data.count > 0 {
            guard request.body.count + data.count <= server.limits.bodyBytes else { return refuseRest() }
            current.request?.body = []  // the one reference is the local one: appending does not copy
            request.body.append(contentsOf: data)
            current.request = request
            return .YES
        }
        current.isComplete = true
        guard server.connections.enter(.handler, descriptor) else { return .NO }
        return send(server.handler.answer(request), on: connection)
    }

    /// A body in chunks has become too large. libmicrohttpd takes no answer while a body comes, so it is written past it.
    private func refuseRest() -> MHD_Result {
        current.isComplete = true  // `completed` has nothing left to do
        guard server.connections.enter(.linger, descriptor) else { return .NO }
        let answer = WrittenAnswer.bytes(server.handler, .bodyTooLarge)
        Glibc.send(descriptor, answer, answer.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        readRest()
        return .NO
    }

    /// An answer that is given here leaves the body unread, and the connection ends.
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
        // It refuses what would end the line or the head.
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

    /// The answer is sent, or the connection ends; the latter is not always told.
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

    /// The request was answered before it had come whole. Closing a socket with unread bytes resets the connection, and the
    /// client may lose the answer: so what comes is read and thrown away, until it ends or the time is over.
    private func readRest() {
        shutdown(descriptor, Int32(SHUT_WR))
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&question, 1, -1) > 0, recv(descriptor, &bytes, bytes.count, 0) > 0 {}
    }
}
