// Resolves the name of a state to its file.
//
// A state has one lock and one write-ahead log, both beside the file itself. Every name of the state must therefore be
// resolved to the same path before anything is locked or opened, through symbolic links, also for a file that does not
// exist yet. The result is absolute, so SQLite cannot interpret it as a URI or as a database in memory.

import Glibc

/// Resolves paths of states and creates their files.
enum StatePath {
    /// The limit of symbolic links to follow, as in Linux.
    private static let mostLinks = 40

    /// The absolute path of the file that `path` leads to, without links.
    /// - Throws: `StoreError.cannotOpen` when a folder is missing or the links form a cycle.
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

    /// Whether the file has hard links. Each name would have a lock and a write-ahead log of its own.
    static func hasSeveralNames(_ file: String) -> Bool {
        var facts = stat()
        return stat(file, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG && facts.st_nlink > 1
    }

    /// Creates an empty file for a state unless there is one. Only its owner may read it, because it will have user ids
    /// and pages. SQLite gives the log and its index the same mode.
    static func createPrivate(_ file: String) {
        // O_EXCL: closing an existing file would release this process's locks on it.
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

    /// The target of a symbolic link; nil for other files.
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
