// File calls with typed errors. All of them block.

import Glibc

/// A failed system call.
struct SystemFailure: Error, Equatable {
    var number: Int32
    var what: String
    /// Whether the object was published before the call failed.
    var isPublished = false

    /// The failure of the last system call, from `errno`.
    static func last(_ what: String) -> SystemFailure { SystemFailure(number: errno, what: what) }

    /// The error of a put with an unreadable source. A missing source file is an invalid request, not a missing object.
    func asSourceError(_ object: String) -> ObjectStorageError {
        var error = asStorageError("put", object)
        if error.kind == .notFound { error.kind = .invalid }
        return error
    }

    func asStorageError(_ operation: String, _ object: String) -> ObjectStorageError {
        .system(number, operation: operation, object: object, what)
    }
}

/// An open file or folder, closed when it goes out of scope.
struct Descriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32, _ what: @autoclosure () -> String) throws(SystemFailure) {
        guard number >= 0 else { throw .last(what()) }
        self.number = number
    }

    deinit { close(number) }
}

enum LocalFiles {
    static let chunkBytes = 256 << 10

    /// The bytes of a file; nil when it cannot be read or has more than `limit` bytes.
    static func readSmallFile(_ path: String, limit: Int) -> [UInt8]? {
        guard let file = try? Descriptor(open(path, O_RDONLY | O_CLOEXEC), path),
            let size = try? size(file), size <= limit
        else { return nil }
        return try? read(file, 0..<size, path)
    }

    /// The bytes of a file.
    static func readFile(_ path: String) throws(SystemFailure) -> [UInt8] {
        let file = try Descriptor(open(path, O_RDONLY | O_CLOEXEC), "opening \(path)")
        return try read(file, 0..<(try size(file)), path)
    }

    /// The size of a regular file in bytes.
    static func size(ofFile path: String) throws(SystemFailure) -> Int64 {
        try size(try Descriptor(open(path, O_RDONLY | O_CLOEXEC), "opening \(path)"))
    }

    static func size(_ file: borrowing Descriptor) throws(SystemFailure) -> Int64 {
        Int64(try status(file).st_size)
    }

    /// The status of an open file. Throws EISDIR when it is not a regular file.
    static func status(_ file: borrowing Descriptor) throws(SystemFailure) -> stat {
        var result = stat()
        guard fstat(file.number, &result) == 0 else { throw .last("fstat") }
        guard result.st_mode & S_IFMT == S_IFREG else {
            throw SystemFailure(number: EISDIR, what: "not a regular file")
        }
        return result
    }

    /// Reads a range of an open file. Throws EIO when the file ends before it.
    static func read(
        _ file: borrowing Descriptor, _ range: Range<Int64>, _ what: String
    ) throws(SystemFailure) -> [UInt8] {
        let number = file.number
        var failure: SystemFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            while count < range.count {
                let position = off_t(range.lowerBound) + off_t(count)
                let got = pread(number, buffer.baseAddress.map { $0 + count }, range.count - count, position)
                if got < 0, errno == EINTR { continue }
                if got <= 0 {
                    failure =
                        got < 0 ? .last("reading \(what)") : SystemFailure(number: EIO, what: "\(what) was truncated")
                    return
                }
                count += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    static func write(_ bytes: [UInt8], to file: borrowing Descriptor) throws(SystemFailure) {
        let number = file.number
        if let failure = bytes.withUnsafeBytes({ writeAll($0, number) }) { throw failure }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, _ number: Int32) -> SystemFailure? {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(number, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            if count < 0 { return .last("writing") }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return nil
    }

    /// Calls `take` with the bytes of a range of an open file, in order and through one buffer. Throws EIO when the
    /// file ends before the range, and the failure that `take` returns.
    static func forEachChunk(
        _ file: borrowing Descriptor, _ range: Range<Int64>, _ what: String,
        _ take: (UnsafeRawBufferPointer) -> SystemFailure?
    ) throws(SystemFailure) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16)
        defer { buffer.deallocate() }
        var position = range.lowerBound
        while position < range.upperBound {
            let wanted = Int(min(Int64(chunkBytes), range.upperBound - position))
            let count = pread(file.number, buffer.baseAddress, wanted, off_t(position))
            if count < 0, errno == EINTR { continue }
            if count < 0 { throw .last("reading \(what)") }
            if count == 0 { throw SystemFailure(number: EIO, what: "\(what) was truncated") }
            if let failure = take(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { throw failure }
            position += Int64(count)
        }
    }

    /// Writes a whole file and removes it on failure. Returns the error number; nil on success.
    static func write(_ bytes: [UInt8], to path: String) -> Int32? {
        guard let file = try? create(path) else { return errno }
        do throws(SystemFailure) {
            try write(bytes, to: file)
            return nil
        } catch {
            discard(file, path)
            return error.number
        }
    }

    /// Removes an unfinished file if it is a regular file, never a device such as /dev/null.
    static func discard(_ file: borrowing Descriptor, _ path: String) {
        var info = stat()
        if fstat(file.number, &info) == 0, info.st_mode & S_IFMT == S_IFREG { unlink(path) }
    }

    /// Creates a file, or truncates an existing one.
    static func create(_ path: String) throws(SystemFailure) -> Descriptor {
        try Descriptor(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644), "creating \(path)")
    }

    /// Copies `size` bytes from the start of one file to another.
    static func copy(
        _ source: borrowing Descriptor, size: Int64, to target: borrowing Descriptor, _ what: String
    ) throws(SystemFailure) {
        let number = target.number
        try forEachChunk(source, 0..<size, what) { writeAll($0, number) }
    }

    static func synchronize(_ file: borrowing Descriptor) throws(SystemFailure) {
        guard fsync(file.number) == 0 else { throw .last("fsync") }
    }

    /// Some file systems cannot fsync a folder and return EINVAL or ENOTSUP, which is no failure.
    static func synchronize(folder: borrowing Descriptor) throws(SystemFailure) {
        guard fsync(folder.number) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw .last("synchronising the folder")
        }
    }

    /// Waits for an exclusive lock on this descriptor; closing the descriptor releases it.
    static func lock(_ file: borrowing Descriptor) throws(SystemFailure) {
        while flock(file.number, LOCK_EX) != 0 {
            if errno != EINTR { throw .last("flock") }
        }
    }
}
