// A local file that is written once, sequentially, and synced before use. Only its owner may read it: raw events name
// users and pages.
// Invariant: a file is complete only after `finish`, which syncs it; nothing is written afterwards. The caller syncs
// its folder (`sync`), and may remove an unfinished file at any time.

import Foundation
import Glibc

/// A failed operation on a local file.
package struct SpoolError: Error, CustomStringConvertible {
    /// The path of the file or folder.
    package let path: String
    /// The system's error number.
    package let code: Int32

    /// An error with these parts.
    package init(path: String, code: Int32) {
        self.path = path
        self.code = code
    }

    /// One line: the path and the reason.
    package var description: String {
        let reason = code == ENOSPC ? "the disk is full" : String(cString: strerror(code))
        return "cannot write \(path): \(reason)"
    }
}

/// A file being written.
package final class SpoolFile {
    /// The path of the file.
    package let path: String
    /// The number of bytes written so far.
    package private(set) var bytes: Int64 = 0
    /// -1 after `finish`.
    private var descriptor: Int32

    /// Creates the file, and its folder when it is missing: a user may have removed the spool.
    /// - Throws: `SpoolError`, also when the file exists.
    package init(path: String) throws {
        self.path = path
        descriptor = Self.create(path)
        if descriptor < 0, errno == ENOENT, let slash = path.lastIndex(of: "/") {
            try Self.makeFolder(String(path[..<slash]))
            descriptor = Self.create(path)
        }
        guard descriptor >= 0 else { throw SpoolError(path: path, code: errno) }
    }

    private static func create(_ path: String) -> Int32 {
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Appends bytes. Not to be called after `finish`.
    /// - Throws: `SpoolError`.
    package func write(_ data: UnsafeRawBufferPointer) throws {
        precondition(descriptor >= 0, "nothing is written to a finished file")
        var rest = data
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SpoolError(path: path, code: count < 0 ? errno : EIO) }
            bytes += Int64(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Syncs the file and closes it. To be called once.
    /// - Throws: `SpoolError` when the sync fails; the file is then not complete.
    package func finish() throws {
        precondition(descriptor >= 0, "a file is finished once")
        guard fsync(descriptor) == 0 else { throw SpoolError(path: path, code: errno) }
        close(descriptor)
        descriptor = -1
    }

    /// Syncs a file's content, or the names of the files in a folder.
    /// - Throws: `SpoolError`.
    package static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpoolError(path: path, code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SpoolError(path: path, code: errno) }
    }

    /// Removes a file; ignores errors.
    package static func remove(_ path: String) {
        unlink(path)
    }

    /// Creates the folder unless it exists; its parent must exist.
    /// - Throws: `SpoolError`.
    package static func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw SpoolError(path: path, code: errno) }
    }

    /// Removes the files whose names begin with one of `prefixes`, except those in `keep`. Creates the folder when it
    /// is missing.
    /// - Throws: Foundation's error when the folder cannot be created or listed.
    package static func removeLeftovers(in folder: String, prefixes: [String], keep: Set<String>) throws {
        let manager = FileManager.default
        try manager.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for name in try manager.contentsOfDirectory(atPath: folder)
        where !keep.contains(name) && prefixes.contains(where: { name.hasPrefix($0) }) {
            remove("\(folder)/\(name)")
        }
    }
}
