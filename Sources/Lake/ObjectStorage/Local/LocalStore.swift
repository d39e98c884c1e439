// A store in a local folder: the key `a/b` is the file ROOT/a/b, so any reader finds the files by path.
//
// A put writes a file in ROOT/.storage-tmp, which listings skip, synchronises it, and publishes it in one step:
// link(2) for `ifAbsent`, which fails when the name exists, and rename(2) otherwise. It synchronises the folder before
// it returns. Renames and deletions hold the lock of the folder they change, which makes `ifMatch` a compare-and-swap
// among all processes that use this class.

import Base
import Glibc

/// Objects as files below a folder.
package final class LocalStore: ObjectStore {
    /// `file:///folder`
    package let name: String

    let root: String
    private let temporary: TemporaryFiles
    private let maximumBytesInMemory: Int64

    /// A store below `root`, an absolute path; the first put creates it.
    /// - Parameters:
    ///   - maximumBytesInMemory: the largest read of `get`, inclusive; `get` throws `invalid` beyond it.
    ///   - random: 64 random bits for the names of unfinished files.
    package init(
        root: String, maximumBytesInMemory: Int64 = 1 << 30,
        random: @escaping @Sendable () -> UInt64 = { UInt64.random(in: 0 ... .max) }
    ) {
        self.root = root
        self.maximumBytesInMemory = maximumBytesInMemory
        name = "file://" + root
        temporary = TemporaryFiles(root: root, random: random)
    }

    /// Writes an object and creates its folders; see `ObjectStore`.
    package func put(
        _ key: String, _ body: ObjectBody, condition: PutCondition
    ) async throws(ObjectStorageError) -> ObjectInfo {
        try check(key, "put")
        if case .file(let path) = body { try await checkSource(path, key) }
        return try await perform("put", key) { (path) throws(SystemFailure) in
            try self.put(path, body, condition)
        }
    }

    /// Reads an object; see `ObjectStore`.
    package func get(_ key: String, range: ByteRange?) async throws(ObjectStorageError) -> ObjectData {
        let limit = maximumBytesInMemory
        return try await perform("get", key) { (path) throws(SystemFailure) in
            let file = try self.open(path)
            let status = try LocalFiles.status(file)
            guard let slice = (range ?? .suffix(.max)).resolve(size: Int64(status.st_size)) else {
                throw SystemFailure(number: EINVAL, what: "the range starts at or past the end")
            }
            guard slice.upperBound - slice.lowerBound <= limit else {
                throw SystemFailure(number: EINVAL, what: "more than \(limit) bytes")
            }
            return ObjectData(info: Self.info(key, status), bytes: try LocalFiles.read(file, slice, "the object"))
        }
    }

    /// Copies an object to a file; see `ObjectStore`.
    package func download(_ key: String, to path: String) async throws(ObjectStorageError) -> ObjectInfo {
        try await perform("get", key) { (parts) throws(SystemFailure) in
            let file = try self.open(parts)
            let status = try LocalFiles.status(file)
            let target = try LocalFiles.create(path)
            do throws(SystemFailure) {
                try LocalFiles.copy(file, size: Int64(status.st_size), to: target, "the object")
            } catch {
                LocalFiles.discard(target, path)
                throw error
            }
            return Self.info(key, status)
        }
    }

    /// An object's entry; see `ObjectStore`.
    package func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo {
        try await perform("head", key) { (path) throws(SystemFailure) in
            Self.info(key, try LocalFiles.status(try self.open(path)))
        }
    }

    /// One page of keys, in order of their bytes; see `ObjectStore`.
    package func listPage(
        prefix: String, continuation: String?, limit: Int
    ) async throws(ObjectStorageError) -> ListPage {
        let (root, object) = (self.root, "\(name)/\(prefix)")
        return try await BlockingWork.run { () throws(ObjectStorageError) in
            do throws(SystemFailure) {
                var walk = FolderWalk(prefix: prefix, after: continuation, limit: max(1, limit))
                return try walk.run(root: root)
            } catch {
                throw error.asStorageError("list", object)
            }
        }
    }

    /// Removes objects but not their folders; see `ObjectStore`.
    package func delete(_ keys: [String]) async throws(ObjectStorageError) {
        for key in keys { try check(key, "delete") }
        let root = self.root
        let object = keys.count == 1 ? location(keys[0]) : "\(name) (\(keys.count) objects)"
        try await BlockingWork.run { () throws(ObjectStorageError) in
            do throws(SystemFailure) {
                for (folder, names) in Self.grouped(keys) { try Self.delete(names, in: folder, root: root) }
            } catch {
                throw error.asStorageError("delete", object)
            }
        }
    }

    private func perform<Value: Sendable>(
        _ operation: String, _ key: String,
        _ work: @escaping @Sendable (ArraySlice<String>) throws(SystemFailure) -> Value
    ) async throws(ObjectStorageError) -> Value {
        try check(key, operation)
        let parts = KeyRules.pathComponents(key)[...]
        let object = location(key)
        return try await BlockingWork.run { () throws(ObjectStorageError) in
            do throws(SystemFailure) {
                return try work(parts)
            } catch {
                throw Self.error(error, operation, object)
            }
        }
    }

    /// The error for a failure. To a reader, a folder or a path through a file is a missing object.
    private static func error(_ failure: SystemFailure, _ operation: String, _ object: String) -> ObjectStorageError {
        var error = failure.asStorageError(operation, object)
        let isReading = operation != "put"
        if isReading, [EISDIR, ENOTDIR, ELOOP].contains(failure.number) { error.kind = .notFound }
        if !isReading, failure.number == ENOENT { error.kind = .unavailable }
        if failure.isPublished { error.kind = .unknownOutcome }
        return error
    }

    private func checkSource(_ path: String, _ key: String) async throws(ObjectStorageError) {
        do throws(SystemFailure) {
            _ = try await BlockingWork.run { () throws(SystemFailure) in try LocalFiles.size(ofFile: path) }
        } catch {
            throw error.asSourceError(location(key))
        }
    }

    private func check(_ key: String, _ operation: String) throws(ObjectStorageError) {
        guard let defect = KeyRules.pathDefect(key) else { return }
        throw ObjectStorageError(kind: .invalid, operation: operation, object: location(key), detail: defect)
    }

    private func location(_ key: String) -> String { "\(name)/\(key)" }

    /// The entry of a file. Every put creates a new inode, which is part of the entity tag, so it changes the tag.
    static func info(_ key: String, _ status: stat) -> ObjectInfo {
        ObjectInfo(
            key: key, size: Int64(status.st_size), etag: etag(status), modifiedAt: Int64(status.st_mtim.tv_sec))
    }

    static func etag(_ status: stat) -> String {
        "\"\(status.st_ino)-\(status.st_size)-\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)\""
    }
}

// MARK: - On the blocking queue

extension LocalStore {
    private func open(_ path: ArraySlice<String>) throws(SystemFailure) -> Descriptor {
        let folder = try Folders.open(root: root, path.dropLast(), creating: false)
        guard let name = path.last else { throw SystemFailure(number: EINVAL, what: "no name") }
        // O_NONBLOCK: a named pipe fails instead of blocking.
        return try Descriptor(
            openat(folder.number, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), "opening the object")
    }

    private func put(
        _ path: ArraySlice<String>, _ body: ObjectBody, _ condition: PutCondition
    ) throws(SystemFailure) -> ObjectInfo {
        guard let name = path.last else { throw SystemFailure(number: EINVAL, what: "no name") }
        let folder = try Folders.open(root: root, path.dropLast(), creating: true)
        let unfinished = try temporary.create()
        defer { temporary.remove(unfinished.name) }
        try Self.write(body, to: unfinished.file)
        try LocalFiles.synchronize(unfinished.file)
        let status = try LocalFiles.status(unfinished.file)
        try publish(unfinished.name, in: folder, as: name, condition)
        do throws(SystemFailure) {
            try LocalFiles.synchronize(folder: folder)
        } catch {
            throw SystemFailure(
                number: error.number, what: "the object was written, but \(error.what) failed", isPublished: true)
        }
        return Self.info(path.joined(separator: "/"), status)
    }

    private static func write(_ body: ObjectBody, to file: borrowing Descriptor) throws(SystemFailure) {
        switch body {
        case .bytes(let bytes): try LocalFiles.write(bytes, to: file)
        case .file(let path):
            let source = try Descriptor(Glibc.open(path, O_RDONLY | O_CLOEXEC), "opening \(path)")
            try LocalFiles.copy(source, size: try LocalFiles.size(source), to: file, path)
        }
    }

    private func publish(
        _ unfinished: String, in folder: borrowing Descriptor, as name: String, _ condition: PutCondition
    ) throws(SystemFailure) {
        let source = try temporary.openFolder()
        if condition == .ifAbsent {
            guard linkat(source.number, unfinished, folder.number, name, 0) == 0 else {
                throw .last("publishing the object")
            }
            return
        }
        // A lock belongs to an open file description, so this opens its own instead of locking the caller's.
        let lock = try Descriptor(openat(folder.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "opening the folder")
        try LocalFiles.lock(lock)
        if case .ifMatch(let etag) = condition {
            var current = stat()
            let exists = fstatat(folder.number, name, &current, AT_SYMLINK_NOFOLLOW) == 0
            guard exists, Self.etag(current) == etag else {
                throw SystemFailure(number: EEXIST, what: "the object has another entity tag")
            }
        }
        guard renameat(source.number, unfinished, folder.number, name) == 0 else {
            throw .last("publishing the object")
        }
    }

    private static func grouped(_ keys: [String]) -> [[String]: [String]] {
        keys.reduce(into: [:]) { groups, key in
            let parts = KeyRules.pathComponents(key)
            groups[Array(parts.dropLast()), default: []].append(parts[parts.count - 1])
        }
    }

    private static func delete(_ names: [String], in parts: [String], root: String) throws(SystemFailure) {
        let isAbsence: (Int32) -> Bool = { [ENOENT, ENOTDIR, ELOOP, EISDIR].contains($0) }
        let folder: Descriptor
        do throws(SystemFailure) {
            folder = try Folders.open(root: root, parts[...], creating: false)
        } catch {
            if isAbsence(error.number) { return }
            throw error
        }
        try LocalFiles.lock(folder)
        for name in names where unlinkat(folder.number, name, 0) != 0 {
            if !isAbsence(errno) { throw .last("removing \(name)") }
        }
        try LocalFiles.synchronize(folder: folder)
    }
}
