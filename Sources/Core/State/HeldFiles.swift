// Detects that a file of an open state was removed, moved or replaced. SQLite does not report this, and later writes
// would go to a file that nobody can open by its name. Files are compared by device and inode.

import Glibc

/// The files that a writer holds open.
struct HeldFiles {
    private struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64

        init?(_ path: String) {
            var facts = stat()
            guard stat(path, &facts) == 0 else { return nil }
            (device, inode) = (UInt64(facts.st_dev), UInt64(facts.st_ino))
        }
    }

    private var held: [(path: String, identity: Identity)] = []

    /// Records the identities of the state's file, log, shared memory and lock, where they exist.
    /// - Parameter file: the absolute path of the file itself, without links.
    package init(of file: String) {
        for suffix in ["", "-wal", "-shm", ".lock"] {
            if let identity = Identity(file + suffix) { held.append((file + suffix, identity)) }
        }
    }

    /// The path of the first file that is no longer the one recorded; nil when all are.
    package var lost: String? { held.first { Identity($0.path) != $0.identity }?.path }
}
