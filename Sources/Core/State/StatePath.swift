// From the name of a state to the file it leads to.
//
// A state has one lock and one write-ahead log, both beside the file itself, so every name of it must lead to the same
// place before anything is locked or opened: through symbolic links, also to a file that does not exist yet. The result is
// absolute, so SQLite can never read it as a URI or as a database in memory.

import Glibc

/// Where a state is, and how its file is made.
enum StatePath {
    private static let mostLinks = 40

    /// The file that `path` leads to, absolute and without links.
    /// - Throws: `StoreError.cannotOpen` when a folder on the way is missing, or the links go round in circles.
    package static func resolved(_ path: String) throws -> String {
        var next = path
        for _ in 0..<mostLinks {
            if let real = real(next) { return real }
            guard errno == ENOENT else { throw failure(path, errno) }
            let (folder, name) = split(next)
            guard let parent = real(folder) else { throw failure(path, errno) }
            let file = parent == "/" ? "/\(name)" : "\(parent)/\(name)"
            guard !name.isEmpty else { throw failure(path, ENOENT) }
            guard let target = target(of: file) else { return file }
            next = target.hasPrefix("/") ? target : "\(parent)/\(target)"
        }
        throw failure(path, ELOOP)
    }

    /// More than one name in folders leads to the file itself. Each would have a lock and a write-ahead log of its own.
    static func hasSeveralNames(_ file: String) -> Bool {
        var facts = stat()
        return stat(file, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && facts.st_nlink > 1
    }

    /// Makes an empty file for a state where there is none, for its owner alone: it holds user ids and pages. SQLite gives
    /// the log and its index the same mode, so a readable file has a readable log.
    static func createPrivate(_ file: String) {
        // Only where nothing was, so that nobody can hold a lock on it: closing a file drops this process's locks.
        let descriptor = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) }
    }

    private static func real(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
    }

    /// Where a symbolic link points; nil for everything else.
    private static func target(of link: String) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(link, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func failure(_ path: String, _ code: Int32) -> StoreError {
        .cannotOpen(path: path, reason: String(cString: strerror(code)))
    }
}
