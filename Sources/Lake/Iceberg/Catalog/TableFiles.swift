// A table's files by the absolute locations in its metadata. A location outside the given roots throws before any
// access. With an opener, other S3 buckets with the same settings are also reachable.
package import ObjectStorage

/// Reads and writes files by absolute location.
package struct TableFiles: Sendable {
    /// Returns the store and the key of an absolute location. Throws `invalid` for a location outside.
    package typealias Resolver = @Sendable (String) throws(ObjectStorageError) -> (store: any ObjectStore, key: String)

    private let resolver: Resolver

    /// The files that `resolver` reaches.
    package init(resolver: @escaping Resolver) { self.resolver = resolver }

    /// The files below `roots`, and with `opener` those in any S3 bucket.
    package init(roots: [StorageRoot], opener: StorageOpener? = nil) {
        resolver = { location throws(ObjectStorageError) in
            for root in roots {
                if let key = try? root.key(forLocation: location) { return (root.store, key) }
            }
            if let opener, case .s3(let bucket) = try Location(location).store {
                let root = try opener.open("s3://\(bucket)")
                return (root.store, try root.key(forLocation: location))
            }
            let known = roots.map(\.location.description).joined(separator: ", ")
            throw ObjectStorageError(
                kind: .invalid, operation: "open", object: location, detail: "it is outside \(known)")
        }
    }

    /// The store and the key of a location. Throws `invalid` for a location outside.
    package func resolve(_ location: String) throws(ObjectStorageError) -> (store: any ObjectStore, key: String) {
        try resolver(location)
    }

    /// Reads a whole file. Throws `notFound` when it does not exist.
    package func read(_ location: String) async throws(ObjectStorageError) -> [UInt8] {
        let (store, key) = try resolve(location)
        return try await store.get(key).bytes
    }

    /// Reads `length` bytes at `offset` of a file; fewer when it ends before. Throws `invalid` for a negative or empty
    /// range, or one that starts at or past the end.
    package func read(_ location: String, offset: Int64, length: Int64) async throws(ObjectStorageError) -> [UInt8] {
        let (store, key) = try resolve(location)
        let (end, overflow) = offset.addingReportingOverflow(length)
        guard offset >= 0, length >= 0, !overflow else {
            throw ObjectStorageError(
                kind: .invalid, operation: "get", object: location, detail: "\(length) bytes at \(offset)")
        }
        return try await store.get(key, range: .slice(offset..<end)).bytes
    }

    /// Writes a file.
    package func write(
        _ location: String, _ bytes: [UInt8], condition: PutCondition = .none
    ) async throws(ObjectStorageError) {
        let (store, key) = try resolve(location)
        _ = try await store.put(key, .bytes(bytes), condition: condition)
    }

    /// Whether a file exists.
    package func exists(_ location: String) async throws(ObjectStorageError) -> Bool {
        let (store, key) = try resolve(location)
        return try await store.exists(key)
    }

    /// The names of the files directly in a folder that start with `prefix`.
    package func names(in folder: String, prefix: String) async throws(ObjectStorageError) -> [String] {
        let (store, key) = try resolve("\(folder)/\(prefix)")
        let start = key.utf8.count - prefix.utf8.count
        var names: [String] = []
        for info in try await store.list(prefix: key).collect() {
            let name = String(decoding: info.key.utf8.dropFirst(start), as: UTF8.self)
            if !name.utf8.contains(0x2F) { names.append(name) }
        }
        return names
    }

    /// Removes files, in one call per store, and ignores missing ones. A location outside throws before any removal.
    package func delete(_ locations: [String]) async throws(ObjectStorageError) {
        var groups: [(store: any ObjectStore, keys: [String])] = []
        for location in locations {
            let (store, key) = try resolve(location)
            if let index = groups.firstIndex(where: { $0.store.name == store.name }) {
                groups[index].keys.append(key)
            } else {
                groups.append((store, [key]))
            }
        }
        for group in groups { try await group.store.delete(group.keys) }
    }
}
