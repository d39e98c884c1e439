// Unfinished files of a LocalStore, in their own folder below its root.
//
// A writer holds the lock of its unfinished file. A crashed process leaves files without a lock, and the next process
// that writes removes them. No clock or process id is involved.

import Base
import Glibc

/// A locked file that is not published yet; closing it releases the lock.
struct UnfinishedFile: ~Copyable {
    let file: Descriptor
    let name: String
}

final class TemporaryFiles: Sendable {
    private let root: String
    private let random: @Sendable () -> UInt64
    private let hasSwept = Lock(false)

    init(root: String, random: @escaping @Sendable () -> UInt64) {
        self.root = root
        self.random = random
    }

    func openFolder() throws(SystemFailure) -> Descriptor {
        try Folders.open(root: root, [KeyRules.temporaryFolder], creating: true)
    }

    /// Creates a file and locks it.
    func create() throws(SystemFailure) -> UnfinishedFile {
        let folder = try openFolder()
        sweepOnce(folder)
        while true {
            let name = "new-" + String(random(), radix: 36)
            let number = openat(folder.number, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            if number < 0, errno == EEXIST { continue }
            let file = try Descriptor(number, "creating a file in \(KeyRules.temporaryFolder)")
            try LocalFiles.lock(file)
            // Another process may have removed the file before it was locked.
            if try LocalFiles.status(file).st_nlink > 0 { return UnfinishedFile(file: file, name: name) }
        }
    }

    /// Removes the unfinished file's name. A published object keeps its own name.
    func remove(_ name: String) {
        guard let folder = try? openFolder() else { return }
        unlinkat(folder.number, name, 0)
    }

    private func sweepOnce(_ folder: borrowing Descriptor) {
        let isFirst = hasSwept.withLock { swept in
            defer { swept = true }
            return !swept
        }
        guard isFirst, let entries = try? Folders.entries(folder) else { return }
        for entry in entries where !entry.isFolder {
            let number = openat(folder.number, entry.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
            guard let file = try? Descriptor(number, entry.name) else { continue }
            if flock(file.number, LOCK_EX | LOCK_NB) == 0 { unlinkat(folder.number, entry.name, 0) }
        }
    }
}
