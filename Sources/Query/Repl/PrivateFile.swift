// Files of the user's: nobody else may read them. Each holds one record per line, its fields separated by tabs.
// Invariants: mode 0600 from the moment the file exists; a rewrite replaces the file as a whole.

internal import Glibc

/// A file of lines that belongs to its user alone.
struct PrivateFile {
    let path: String
    private static let sizeLimitBytes = 64 << 20

    /// The records; none when there is no file or it cannot be read.
    func records() -> [[String]] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        // A file that was made by other means may be open to others.
        fchmod(descriptor, 0o600)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < Self.sizeLimitBytes {
            let count = read(descriptor, &chunk, chunk.count)
            if count <= 0 { break }
            bytes += chunk.prefix(count)
        }
        let lines = bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        return lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false).map { Self.unescaped($0) } }
    }

    /// Adds one record at the end. Several processes may do so at once.
    func append(_ record: [String]) {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        fchmod(descriptor, 0o600)
        _ = Self.write([record], to: descriptor)
    }

    /// Replaces the whole file.
    /// - Returns: false when it could not be written; the old file is then still there.
    func replace(with records: [[String]]) -> Bool {
        let new = "\(path).new.\(getpid())"
        let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        let isWritten = Self.write(records, to: descriptor)
        close(descriptor)
        if isWritten, rename(new, path) == 0 { return true }
        unlink(new)
        return false
    }

    private static func write(_ records: [[String]], to descriptor: Int32) -> Bool {
        let text = records.map { $0.map(escaped).joined(separator: "\t") + "\n" }.joined()
        let bytes = Array(text.utf8)
        return Glibc.write(descriptor, bytes, bytes.count) == bytes.count
    }

    static func escaped(_ text: String) -> String {
        text.escaping { scalar in
            switch scalar {
            case "\\": "\\\\"
            case "\n": "\\n"
            case "\t": "\\t"
            case "\r": "\\r"
            default: nil
            }
        }
    }

    static func unescaped(_ text: some StringProtocol) -> String {
        var result = ""
        var isEscaped = false
        for scalar in text.unicodeScalars {
            switch (isEscaped, scalar) {
            case (false, "\\"):
                isEscaped = true
                continue
            case (true, "n"): result += "\n"
            case (true, "t"): result += "\t"
            case (true, "r"): result += "\r"
            default: result.unicodeScalars.append(scalar)
            }
            isEscaped = false
        }
        return result
    }
}
