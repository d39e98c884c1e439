// Private files of the user, with one record per line and tabs between the fields.
// A file is created with mode 0600. A rewrite replaces the whole file by a rename.

import Glibc

/// A file of records that only its user may read.
struct PrivateFile {
    let path: String
    /// The maximum size to read, in bytes.
    private static let sizeLimitBytes = 64 << 20

    /// The contents of a file.
    enum Contents: Equatable {
        /// There is no file yet.
        case missing
        /// All records, or only the newest ones of a large file.
        case records([[String]])
        /// The file cannot be read or is not a regular file, so it must not be written either.
        case unreadable
    }

    /// Reads the file.
    /// - Parameter takesNewest: reads the newest records of a file above the limit, which is unreadable otherwise.
    func contents(takesNewest: Bool, limitBytes: Int = sizeLimitBytes) -> Contents {
        // Non-blocking, since the path may name a pipe.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return errno == ENOENT ? .missing : .unreadable }
        defer { close(descriptor) }
        guard let size = Self.claim(descriptor) else { return .unreadable }
        let start = max(0, size - limitBytes)
        guard start == 0 || takesNewest, lseek(descriptor, start, SEEK_SET) == start,
            var bytes = Self.rest(of: descriptor)
        else {
            return .unreadable
        }
        if start > 0 {
            // The first line may be incomplete.
            bytes.removeFirst(bytes.firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count)
        }
        let lines = bytes.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
        return .records(
            lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false).map { Self.unescaped($0) } })
    }

    /// Removes other users' permissions from a regular file that this user owns.
    /// - Returns: its size in bytes; nil unless it is a regular file.
    private static func claim(_ descriptor: Int32) -> Int? {
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
        if info.st_uid == geteuid(), info.st_mode & 0o077 != 0 { fchmod(descriptor, 0o600) }
        return Int(info.st_size)
    }

    private static func rest(of descriptor: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
    }

    /// Appends one record. Safe for several processes at once.
    func append(_ record: [String]) {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard Self.claim(descriptor) != nil else { return }
        _ = Self.write(Self.bytes(of: [record]), to: descriptor)
    }

    /// Replaces the whole file. Follows a symbolic link.
    /// - Returns: false when the new file cannot be written; the old one then remains.
    func replace(with records: [[String]]) -> Bool {
        let real = realpath(path, nil)
        defer { free(real) }
        let target = real.map { String(cString: $0) } ?? path
        let new = "\(target).new.\(getpid())"
        let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        let isWritten = Self.write(Self.bytes(of: records), to: descriptor)
        close(descriptor)
        if isWritten, rename(new, target) == 0 { return true }
        unlink(new)
        return false
    }

    private static func bytes(of records: [[String]]) -> [UInt8] {
        Array(records.map { $0.map(escaped).joined(separator: "\t") + "\n" }.joined().utf8)
    }

    /// Writes all bytes.
    /// - Returns: false on an error; `errno` has the reason.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
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
