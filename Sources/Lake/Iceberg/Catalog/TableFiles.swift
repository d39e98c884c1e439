// The files of a table by the absolute locations that metadata holds, over the stores that hold them.
// Invariant: a location outside the given roots is refused by name before anything is read or written; with an opener,
// other buckets of the same settings are reached too.
package import ObjectStorage

/// Reads and writes files by absolute location.
package struct TableFiles: Sendable {
    /// Finds the store of an absolute location, and its key there. Throws `invalid` when it lies outside.
    package typealias Resolver = @Sendable (String) throws(ObjectStorageError) -> (store: any ObjectStore, key: String)

    private let resolver: Resolver

    /// The files that `resolver` finds.
    package init(resolver: @escaping Resolver) { self.resolver = resolver }

    /// The files beneath `roots`; with `opener`, also those in any S3 bucket.
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
                kind: .invalid, operation: "open", object: location, detail: "it lies outside \(known)")
        }
    }

    /// The store of a location, and its key there. Throws `invalid` when it lies outside.
    package func resolve(_ location: String) throws(ObjectStorageError) -> (store: any ObjectStore, key: String) {
        try resolver(location)
    }

    /// A whole file. Throws `notFound` when it is not there.
    package func read(_ location: String) async throws(ObjectStorageError) -> [UInt8] {
        let (store, key) = try resolve(location)
        return try await store.get(key).bytes
    }

    /// A part of a file.
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

    /// Whether a file is there.
    package func exists(_ location: String) async throws(ObjectStorageError) -> Bool {
        let (store, key) = try resolve(location)
        return try await store.exists(key)
    }

    /// The names of the files directly in a folder that begin with `prefix`.
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

    /// Removes files, together where they are in one store; those that are not there do not matter. A location outside
    /// is refused before anything is removed.
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
