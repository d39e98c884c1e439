// Lets at most one process write a state: an advisory lock on `STATE.lock`, held for the life of this object.
// The kernel releases the lock when the process ends, however it ends. The text in the file only informs people. The
// file is never removed: otherwise two processes could lock two files of the same name.

import Glibc

/// The lock that makes this process the one writer of a state.
package final class StateLock {
    private let descriptor: Int32

    /// - Parameters:
    ///   - path: the state file, or a link to it. The lock file is beside the file itself.
    ///   - holder: the name of this process in the errors of others, for example "pageviews ingest (pid 4711)".
    /// - Throws: `StoreError.inUse` with the holder's name, or `StoreError.cannotOpen`.
    package init(statePath path: String, holder: String) throws {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw StoreError.cannotOpen(path: path, reason: "not a valid file name")
        }
        let file = open(try StatePath.resolved(path) + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
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

    private static func read(_ file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = pread(file, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        return String(text.prefix { !$0.isNewline })
    }

    private static func write(_ text: String, to file: Int32) {
        ftruncate(file, 0)
        let bytes = Array((text + "\n").utf8)
        // The text is only informative, so a failed write is ignored.
        _ = pwrite(file, bytes, bytes.count, 0)
    }
}
