// Passes the pieces of a stream to libmicrohttpd. It lives as long as its response.

import CMicrohttpd
import Glibc

final class StreamReader {
    private let next: (ContinuousClock.Instant) -> [UInt8]?
    private let connections: Connections
    private let descriptor: Int32
    private var piece: ArraySlice<UInt8> = []

    init(_ next: @escaping (ContinuousClock.Instant) -> [UInt8]?, _ connections: Connections, _ descriptor: Int32) {
        (self.next, self.connections, self.descriptor) = (next, connections, descriptor)
    }

    /// Copies up to `most` bytes. After a 0, libmicrohttpd checks the connection and calls again at once.
    /// - Returns: the number of bytes, or one of libmicrohttpd's codes for the end.
    func read(_ buffer: UnsafeMutablePointer<CChar>, _ most: Int) -> Int {
        if connections.isStopping { return cmhd_end_of_stream }
        // libmicrohttpd notices a disconnected client only after a send.
        var question = pollfd(fd: descriptor, events: cmhd_poll_gone, revents: 0)
        if poll(&question, 1, 0) > 0 { return cmhd_end_with_error }
        if piece.isEmpty {
            guard let new = next(.now + .milliseconds(250)) else { return cmhd_end_of_stream }
            piece = new[...]
        }
        let part = piece.prefix(most)
        part.withUnsafeBytes { if let start = $0.baseAddress { memcpy(buffer, start, $0.count) } }
        piece = piece.dropFirst(part.count)
        return part.count
    }
}
