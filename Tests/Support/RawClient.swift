// A plain socket client, which can send bytes that no HTTP client would send.

import Foundation
import Glibc

/// The bytes received and the end of the connection.
package struct Received: Sendable {
    /// The state of a connection after reading.
    package enum End: Sendable { case closed, reset, open }
    /// All bytes received, as UTF-8.
    package fileprivate(set) var text = ""
    /// The end of the connection, if the client saw it.
    package fileprivate(set) var end = End.open
    /// Whether the client could not send the whole request. Many clients ignore the answer then.
    package fileprivate(set) var wasCutOff = false
    /// The time since the start of the request.
    package fileprivate(set) var seconds = 0.0

    /// The status codes of all answers except 100.
    package var statuses: [Int] {
        text.matches(of: /HTTP\/1\.[01] (\d{3})/).compactMap { Int($0.1) }.filter { $0 != 100 }
    }
    /// The status code of the first answer; 0 without one.
    package var status: Int { statuses.first ?? 0 }
    /// Whether the client sent the whole request and then saw the end of the connection.
    package var isPlain: Bool { !wasCutOff && end == .closed }
    /// Whether the received bytes contain the text.
    package func holds(_ part: String) -> Bool { text.range(of: part) != nil }
}

/// A connection, for use by one thread at a time.
package final class RawClient: @unchecked Sendable {
    private let descriptor: Int32
    /// The time of the connection or of the last request.
    package private(set) var began = ContinuousClock.now
    private var wasCutOff = false

    /// Connects. A refused connection is reported by the first send.
    package init(_ port: UInt16, receiveBuffer: Int32? = nil) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if let receiveBuffer { set(SO_RCVBUF, receiveBuffer) }
        set(SO_SNDTIMEO, timeval(tv_sec: 60, tv_usec: 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    deinit { close(descriptor) }

    private func set<Value>(_ option: Int32, _ value: Value) {
        withUnsafePointer(to: value) {
            _ = setsockopt(descriptor, SOL_SOCKET, option, $0, socklen_t(MemoryLayout<Value>.size))
        }
    }

    /// Makes the connection end with a reset.
    package func willReset() { set(SO_LINGER, linger(l_onoff: 1, l_linger: 0)) }

    /// Ends sending.
    package func hangUp() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// - Returns: whether all could be sent.
    @discardableResult
    package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// - Returns: whether all could be sent.
    @discardableResult
    package func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                wasCutOff = true
                return false
            }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Reads until the other side ends, `isEnough` returns true, or the time is over.
    package func receive(seconds: Double = 60, until isEnough: ((String) -> Bool)? = nil) -> Received {
        var received = Received()
        var data: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let end = ContinuousClock.now + .seconds(seconds)
        while received.end == .open, isEnough?(String(decoding: data, as: UTF8.self)) != true {
            let left = (end - .now) / .milliseconds(1)
            var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&question, 1, Int32(left) + 1) > 0 else { break }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 {
                data.append(contentsOf: buffer[..<count])
            } else {
                received.end = count == 0 ? .closed : .reset
            }
        }
        received.text = String(decoding: data, as: UTF8.self)
        received.wasCutOff = wasCutOff
        received.seconds = (.now - began) / .seconds(1)
        return received
    }

    /// Reads and discards the available bytes.
    /// - Returns: false when the other side has ended.
    package func stands() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count > 0 || (count < 0 && errno == EAGAIN)
    }

    /// Sends a request and reads until the end or until `isEnough` returns true.
    package func ask(
        _ text: String, seconds: Double = 60, until isEnough: ((String) -> Bool)? = nil
    ) -> Received {
        began = .now
        send(text)
        return receive(seconds: seconds, until: isEnough)
    }
}

/// Runs blocking work on a new thread, because tests share a small number of threads.
package func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { done in
        let thread = Thread { done.resume(with: Result { try work() }) }
        thread.stackSize = 8 << 20
        thread.start()
    }
}

/// Polls a condition.
package func eventually(_ seconds: Double = 60, _ isSo: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while !isSo() {
        if .now > end { return false }
        pace(milliseconds: 5)
    }
    return true
}
