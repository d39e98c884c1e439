// A store in memory, for tests: the reference implementation of the protocol.

import Base

/// Objects in a dictionary.
package final class MemoryStore: ObjectStore {
    private struct Entry {
        var bytes: [UInt8]
        var version: Int
    }

    private struct State {
        var objects: [[UInt8]: Entry] = [:]  // keyed by bytes: String equality is canonical equivalence
        var version = 0
    }

    private let state = Lock(State())

    /// `memory:`
    package var name: String { "memory:" }

    /// An empty store.
    package init() {}

    /// Writes an object; see `ObjectStore`.
    package func put(
        _ key: String, _ body: ObjectBody, condition: PutCondition
    ) async throws(ObjectStorageError) -> ObjectInfo {
        try check(key, "put")
        let bytes = try bytes(of: body, key)
        let info = state.withLock { state -> ObjectInfo? in
            let existing = state.objects[Array(key.utf8)].map { "\"\($0.version)\"" }
            guard condition.holds(existing) else { return nil }
            state.version += 1
            let entry = Entry(bytes: bytes, version: state.version)
            state.objects[Array(key.utf8)] = entry
            return Self.info(key, entry)
        }
        guard let info else { throw failure(.preconditionFailed, "put", key, "the object does not meet the condition") }
        return info
    }

    /// Reads an object; see `ObjectStore`.
    package func get(_ key: String, range: ByteRange?) async throws(ObjectStorageError) -> ObjectData {
        let entry = try entry(key, "get")
        guard let slice = (range ?? .suffix(.max)).resolve(size: Int64(entry.bytes.count)) else {
            throw failure(.invalid, "get", key, "the range starts at or past the end")
        }
        return ObjectData(
            info: Self.info(key, entry), bytes: Array(entry.bytes[Int(slice.lowerBound)..<Int(slice.upperBound)]))
    }

    /// Reads an object into a file; see `ObjectStore`.
    package func download(_ key: String, to path: String) async throws(ObjectStorageError) -> ObjectInfo {
        let entry = try entry(key, "get")
        if let number = LocalFiles.write(entry.bytes, to: path) {
            throw .system(number, operation: "get", object: location(key), "writing \(path)")
        }
        return Self.info(key, entry)
    }

    /// An object's entry; see `ObjectStore`.
    package func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo {
        Self.info(key, try entry(key, "head"))
    }

    /// One page of keys, in order of their bytes; see `ObjectStore`.
    package func listPage(
        prefix: String, continuation: String?, limit: Int
    ) async throws(ObjectStorageError) -> ListPage {
        let after = continuation.map { Array($0.utf8) }
        let matching = state.withLock { state in
            state.objects.filter { key, _ in
                key.starts(with: prefix.utf8) && (after.map { $0.lexicographicallyPrecedes(key) } ?? true)
            }
        }
        let sorted = matching.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        let page = sorted.prefix(max(1, limit)).map { Self.info(String(decoding: $0.key, as: UTF8.self), $0.value) }
        return ListPage(objects: page, continuation: page.count < sorted.count ? page.last?.key : nil)
    }

    /// Removes objects; see `ObjectStore`.
    package func delete(_ keys: [String]) async throws(ObjectStorageError) {
        for key in keys { try check(key, "delete") }
        state.withLock { state in
            for key in keys { state.objects[Array(key.utf8)] = nil }
        }
    }

    private func bytes(of body: ObjectBody, _ key: String) throws(ObjectStorageError) -> [UInt8] {
        switch body {
        case .bytes(let bytes): return bytes
        case .file(let path):
            do throws(SystemFailure) {
                return try LocalFiles.readFile(path)
            } catch {
                throw error.asSourceError(location(key))
            }
        }
    }

    private func entry(_ key: String, _ operation: String) throws(ObjectStorageError) -> Entry {
        try check(key, operation)
        guard let entry = state.withLock({ $0.objects[Array(key.utf8)] }) else {
            throw failure(.notFound, operation, key, "no such object")
        }
        return entry
    }

    private static func info(_ key: String, _ entry: Entry) -> ObjectInfo {
        ObjectInfo(key: key, size: Int64(entry.bytes.count), etag: "\"\(entry.version)\"")
    }

    private func check(_ key: String, _ operation: String) throws(ObjectStorageError) {
        if let defect = KeyRules.defect(key) { throw failure(.invalid, operation, key, defect) }
    }

    private func location(_ key: String) -> String { "\(name)\(key)" }

    private func failure(
        _ kind: ObjectStorageError.Kind, _ operation: String, _ key: String, _ detail: String
    ) -> ObjectStorageError {
        ObjectStorageError(kind: kind, operation: operation, object: location(key), detail: detail)
    }
}

extension PutCondition {
    /// Whether the condition holds for an object with this entity tag; nil: no object has the key.
    func holds(_ existing: String?) -> Bool {
        switch self {
        case .none: true
        case .ifAbsent: existing == nil
        case .ifMatch(let etag): existing == etag
        }
    }
}

extension ByteRange {
    /// The range within an object of `size` bytes; nil when it is empty, negative, or starts at or past the end.
    func resolve(size: Int64) -> Range<Int64>? {
        switch self {
        case .slice(let range):
            guard range.lowerBound >= 0, range.lowerBound < size, !range.isEmpty else { return nil }
            return range.clamped(to: 0..<size)
        case .suffix(let count):
            guard count > 0 else { return nil }
            return max(0, size - count)..<size
        }
    }
}
