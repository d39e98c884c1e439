// Reads a file that holds input, all of it or none: a statement that a limit has cut would be another statement.

internal import Glibc

/// Files of statements and commands.
enum InputFile {
    /// The most bytes of a file.
    static let limitBytes = 64 << 20

    /// The whole text of a file, which may be a pipe.
    /// - Throws: `QueryError.usage` with the path and the reason; then nothing of the file may be used.
    static func text(of path: String, limitBytes: Int = limitBytes) throws(QueryError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path) }
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk.prefix(count)
            guard bytes.count <= limitBytes else {
                throw .usage("\(path) is larger than \(limitBytes >> 20) MiB: nothing of it was run; split it")
            }
        }
    }

    private static func failure(_ path: String) -> QueryError {
        .usage("cannot read \(path): \(String(cString: strerror(errno)))")
    }
}
