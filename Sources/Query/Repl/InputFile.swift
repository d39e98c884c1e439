// Reads a file of input completely or not at all: a truncated statement would be another statement.
// Waits for bytes are at most 100 ms long, with a check of the interrupt between them, since a pipe may have no writer.

import Glibc

/// The reason why no part of an input file is used.
package enum InputFailure: Error, Equatable, Sendable {
    /// The file cannot be opened or read, with the reason, such as "No such file or directory".
    case unreadable(reason: String)
    /// The file is larger than the limit, in bytes.
    case tooLarge(limitBytes: Int)
    /// The user interrupted the read.
    case interrupted
}

/// Files of statements and commands.
package enum InputFile {
    /// The maximum size of a file, in bytes (inclusive).
    static let limitBytes = 64 << 20

    /// The whole text of a file, which may be a pipe, without a byte order mark at its start.
    /// - Parameters:
    ///   - path: the file; nil means standard input.
    ///   - interrupt: polled while there is no input.
    /// - Throws: `InputFailure`.
    package static func text(
        of path: String?, unless interrupt: InterruptFlag, limitBytes: Int = limitBytes
    ) throws(InputFailure) -> String {
        // Opening a pipe without a writer would block.
        let descriptor = path.map { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) } ?? 0
        guard descriptor >= 0 else { throw failure() }
        defer { if path != nil { close(descriptor) } }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            guard !interrupt.isRaised else { throw .interrupted }
            var input = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&input, 1, 100) > 0 else { continue }
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count >= 0 else { throw failure() }
            if count == 0 { return text(bytes) }
            bytes += chunk.prefix(count)
            guard bytes.count <= limitBytes else { throw .tooLarge(limitBytes: limitBytes) }
        }
    }

    /// Removes the byte order mark that editors of other systems write.
    static func text(_ bytes: [UInt8]) -> String {
        String(decoding: withoutMark(bytes[...], isFirst: true), as: UTF8.self)
    }

    /// - Parameter isFirst: the bytes are the first of the input.
    static func withoutMark(_ bytes: ArraySlice<UInt8>, isFirst: Bool) -> ArraySlice<UInt8> {
        isFirst && bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes
    }

    private static func failure() -> InputFailure { .unreadable(reason: String(cString: strerror(errno))) }
}

extension InputFailure {
    /// The message, in one line.
    /// - Parameter name: the name of the input.
    package func text(of name: String) -> String {
        switch self {
        case .unreadable(let reason): "cannot read \(name): \(reason)"
        case .tooLarge(let limit): "\(name) is larger than \(limit >> 20) MiB: nothing of it was run; split it"
        case .interrupted: "interrupted while \(name) was read"
        }
    }

    /// The failure as the error of a session.
    func queryError(of name: String) -> QueryError { self == .interrupted ? .interrupted : .usage(text(of: name)) }
}
