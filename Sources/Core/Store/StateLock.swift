// At most one process writes a state: an advisory lock on `STATE.lock`, held as long as this object lives.
// Invariants: the kernel frees the lock when the process ends, however it ends; the file's text only informs people;
// the file is never removed, since removing it would let two processes lock two files of one name.

internal import Glibc

/// The lock that makes this process the one writer of a state.
public final class StateLock {
    private let descriptor: Int32

    /// - Parameters:
    ///   - path: the state file; the lock file is beside it.
    ///   - holder: what other processes are told, for example "pageviews ingest (pid 4711)".
    /// - Throws: `StoreError.inUse` with the holder's words, or `StoreError.cannotOpen`.
    public init(statePath path: String, holder: String) throws {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw StoreError.cannotOpen(path: path, reason: "this is no file name")
        }
        let file = open(Self.resolved(path) + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else {
            throw StoreError.cannotOpen(path: path, reason: String(cString: strerror(errno)))
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let words = Self.read(file)
            close(file)
            throw StoreError.inUse(path: path, holder: words.isEmpty ? "another process" : words)
        }
        descriptor = file
        Self.write(holder, to: file)
    }

    deinit {
        ftruncate(descriptor, 0)
        close(descriptor)
    }

    /// The file itself, where `path` is a link to it, also one that is still to be made: two names of one state share one
    /// lock.
    private static func resolved(_ path: String) -> String {
        var name = path
        for _ in 0..<40 {
            if let real = real(name) { return real }
            guard let target = target(ofLink: name) else { break }
            name = target.hasPrefix("/") ? target : folder(of: name) + "/" + target
        }
        guard let folder = real(folder(of: name)) else { return name }
        return folder + "/" + (name.split(separator: "/").last.map(String.init) ?? "")
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func real(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    private static func target(ofLink path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                characters.baseAddress.map { readlink(path, $0, characters.count) } ?? -1
            }
        }
        return count > 0 && count < bytes.count ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }

    private static func read(_ file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = pread(file, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        return String(text.prefix { !$0.isNewline })
    }

    private static func write(_ text: String, to file: Int32) {
        ftruncate(file, 0)
        let bytes = Array((text + "\n").utf8)
        // Only people read it; a lock without its text is still a lock.
        _ = pwrite(file, bytes, bytes.count, 0)
    }
}
