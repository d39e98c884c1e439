// The files that an open state is made of, watched: a file that is removed, moved or replaced under the writer takes every
// later write with it, and SQLite continues without a word.
// Invariant: what is compared is the file itself (device and inode), not its name, size or time.

import Glibc

/// The files beside one another that a writer holds open.
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

    /// Remembers the state's file, its log, its shared memory and its lock, as far as they are there.
    /// - Parameter file: the file itself, absolute.
    package init(of file: String) {
        for suffix in ["", "-wal", "-shm", ".lock"] {
            if let identity = Identity(file + suffix) { held.append((file + suffix, identity)) }
        }
    }

    /// The first whose name does not lead to it any more.
    package var lost: String? { held.first { Identity($0.path) != $0.identity }?.path }
}
