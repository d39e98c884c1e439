// The bytes of one file of a table for the Parquet reader: small files in memory, large ones as a local copy without a
// name, so that nothing of it is left when the process ends.
// Invariant: memory is bounded by `inMemoryBytes`; the copy takes as much disk as the file and goes with the source.

import Base
import Glibc
package import Iceberg
import ObjectStorage
package import Parquet

/// A local file, read at any place.
final class FileSource: ByteSource {
    package let byteCount: Int
    private let descriptor: Int32
    private let path: String

    /// Opens a file.
    /// - Throws: `SpoolError`.
    package init(path: String) throws {
        self.path = path
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw SpoolError(path: path, code: errno) }
        var facts = stat()
        guard fstat(file, &facts) == 0 else {
            let code = errno
            close(file)
            throw SpoolError(path: path, code: code)
        }
        descriptor = file
        byteCount = Int(facts.st_size)
    }

    deinit { close(descriptor) }

    package func read(offset: Int, length: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
            while filled < length {
                let count = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, length - filled, off_t(offset + filled))
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw SpoolError(path: path, code: errno) }
                guard count > 0 else {
                    throw ParquetError.corrupt(position: offset + filled, reason: "the file got shorter")
                }
                filled += count
            }
        }
    }
}

/// Brings files of a table near.
package struct FileFetcher {
    package let files: TableFiles
    /// Where local copies are made.
    package let folder: String
    /// A fresh unique name.
    package let uniqueName: @Sendable () -> String
    /// Files up to this size are held in memory.
    static let inMemoryBytes: Int64 = 4 << 20

    /// From its parts.
    package init(files: TableFiles, folder: String, uniqueName: @escaping @Sendable () -> String) {
        self.files = files
        self.folder = folder
        self.uniqueName = uniqueName
    }
    /// How the names of local copies begin.
    package static let prefix = "read-"

    /// The bytes of a file.
    /// - Throws: `ObjectStorageError`, `SpoolError`.
    package func source(_ file: DataFile) async throws -> any ByteSource {
        if file.fileSizeBytes <= Self.inMemoryBytes { return MemorySource(try await files.read(file.path)) }
        try SpoolFile.makeFolder(folder)
        let (store, key) = try files.resolve(file.path)
        let path = "\(folder)/\(Self.prefix)\(uniqueName())"
        _ = try await store.download(key, to: path)
        defer { SpoolFile.remove(path) }
        return try FileSource(path: path)
    }
}
