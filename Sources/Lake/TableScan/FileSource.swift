// Byte sources for the Parquet reader. A file of up to `inMemoryBytes`, by its manifest, is read into memory. A larger
// one is copied to a local file that is unlinked once open, so the system frees it with the descriptor.

import Base
import Glibc
package import Iceberg
import ObjectStorage
package import Parquet

/// A local file with random access.
final class FileSource: ByteSource {
    /// The file's size in bytes when it was opened.
    package let byteCount: Int
    private let descriptor: Int32
    private let path: String

    /// Opens a file.
    /// - Throws: `SpoolError` when it cannot be opened.
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

    /// Reads `length` bytes at `offset`; the range must be within `byteCount`.
    /// - Throws: `SpoolError` when reading fails, `ParquetError.corrupt` when the file was truncated since.
    package func read(offset: Int, length: Int) throws -> [UInt8] {
        precondition(offset >= 0 && length >= 0 && length <= byteCount - offset, "the range is within the file")
        return try [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
            while filled < length {
                let count = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, length - filled, off_t(offset + filled))
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw SpoolError(path: path, code: errno) }
                guard count > 0 else {
                    throw ParquetError.corrupt(position: offset + filled, reason: "the file was truncated")
                }
                filled += count
            }
        }
    }
}

/// Fetches a table's files for reading.
package struct FileFetcher {
    /// The table's files.
    package let files: TableFiles
    /// The folder for local copies; created when missing.
    package let folder: String
    /// Returns a new unique file name.
    package let uniqueName: @Sendable () -> String
    /// Largest file, in bytes by its manifest, to read into memory.
    static let inMemoryBytes: Int64 = 4 << 20

    /// A fetcher of `files` with local copies in `folder`.
    package init(files: TableFiles, folder: String, uniqueName: @escaping @Sendable () -> String) {
        self.files = files
        self.folder = folder
        self.uniqueName = uniqueName
    }

    /// Prefix of the names of local copies.
    package static let prefix = "read-"

    /// A source of the file's bytes.
    /// - Throws: `ObjectStorageError` when the file cannot be fetched, `SpoolError` when the local copy fails.
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
