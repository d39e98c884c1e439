// A local file that is written once, front to back, and is on the disk before anybody relies on it. It is its owner's alone:
// raw events name users and pages.
// Invariants: `finish` syncs the file and its folder; a file that was not finished may be removed at any time.

import Foundation
import Glibc

/// A local file could not be written.
package struct SpoolError: Error, CustomStringConvertible {
    package let path: String
    package let code: Int32

    /// From its parts.
    package init(path: String, code: Int32) {
        self.path = path
        self.code = code
    }

    package var description: String {
        let reason = code == ENOSPC ? "the disk is full" : String(cString: strerror(code))
        return "cannot write \(path): \(reason)"
    }
}

/// A file being written.
package final class SpoolFile {
    package let path: String
    package private(set) var bytes: Int64 = 0
    private var descriptor: Int32

    /// Creates the file; it must not exist. Its folder is made when it is missing: somebody may have removed the spool.
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

    package func write(_ data: UnsafeRawBufferPointer) throws {
        var rest = data
        while !rest.isEmpty {
            let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SpoolError(path: path, code: count < 0 ? errno : EIO) }
            bytes += Int64(count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Makes the file durable and closes it.
    package func finish() throws {
        guard fsync(descriptor) == 0 else { throw SpoolError(path: path, code: errno) }
        close(descriptor)
        descriptor = -1
    }

    /// Makes durable what a file holds, or the names of new files in a folder.
    package static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpoolError(path: path, code: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SpoolError(path: path, code: errno) }
    }

    package static func remove(_ path: String) {
        unlink(path)
    }

    /// Makes the folder where it is missing; its parent must be there.
    package static func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw SpoolError(path: path, code: errno) }
    }

    /// Removes the files whose names begin with one of `prefixes` and are not to be kept; makes the folder when it is missing.
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
