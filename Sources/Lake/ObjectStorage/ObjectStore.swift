// The protocol of object stores, and its types.
//
// Every implementation guarantees:
// - An object is visible under its key either whole or not at all.
// - A conditional put has exactly one winner among any number of concurrent ones.
// - A write that may have taken effect throws `unknownOutcome`, never a definite failure.
// - Every call ends: one deadline covers all its attempts.
//
// Keys are text of 1 to 1024 bytes of UTF-8, compared byte by byte (two spellings of "é" are two keys).

/// The condition of a put.
package enum PutCondition: Sendable, Equatable {
    /// None; the put replaces an existing object.
    case none
    /// No object has the key.
    case ifAbsent
    /// The object under the key has this entity tag.
    case ifMatch(String)
}

/// The bytes of a new object.
package enum ObjectBody: Sendable, Equatable {
    /// Bytes in memory.
    case bytes([UInt8])
    /// A whole local file, streamed from disk. It must not change during the call.
    case file(path: String)
}

/// A part of an object.
package enum ByteRange: Sendable, Equatable {
    /// These bytes, counted from 0. The upper bound is exclusive and may be past the end; `get` throws `invalid` for a
    /// lower bound at or past the end.
    case slice(Range<Int64>)
    /// The last `count` bytes, or the whole object when it is shorter.
    case suffix(Int64)
}

/// An object's entry: its metadata without its bytes.
package struct ObjectInfo: Sendable, Equatable {
    /// The key.
    package var key: String
    /// The size of the whole object in bytes.
    package var size: Int64
    /// An opaque entity tag that changes whenever the object is replaced; empty when the store sent none.
    package var etag: String
    /// The time of the last write, in seconds since the Unix epoch by the store's clock; nil when the store sent none.
    package var modifiedAt: Int64?

    /// An entry with these parts.
    package init(key: String, size: Int64, etag: String, modifiedAt: Int64? = nil) {
        self.key = key
        self.size = size
        self.etag = etag
        self.modifiedAt = modifiedAt
    }
}

/// An object, or the requested part of it.
package struct ObjectData: Sendable, Equatable {
    /// The entry of the whole object.
    package var info: ObjectInfo
    /// The requested bytes.
    package var bytes: [UInt8]

    /// Bytes of the object `info`.
    package init(info: ObjectInfo, bytes: [UInt8]) {
        self.info = info
        self.bytes = bytes
    }
}

/// One page of a listing.
package struct ListPage: Sendable, Equatable {
    /// The objects on this page.
    package var objects: [ObjectInfo]
    /// The token of the next page; nil on the last one. Opaque, and valid only for the same prefix.
    package var continuation: String?

    /// A page with these parts.
    package init(objects: [ObjectInfo], continuation: String?) {
        self.objects = objects
        self.continuation = continuation
    }
}

/// A store of immutable byte sequences under text keys.
package protocol ObjectStore: Sendable {
    /// The store's name in messages: `s3://bucket`, `file:///folder`, `memory:`.
    var name: String { get }

    /// Writes an object and makes it durable.
    /// - Returns: its entry; `modifiedAt` may be nil.
    /// - Throws: `preconditionFailed` when the condition certainly did not hold, `unknownOutcome` when the write may
    ///   have taken effect; after any other kind nothing was changed.
    func put(_ key: String, _ body: ObjectBody, condition: PutCondition) async throws(ObjectStorageError) -> ObjectInfo

    /// Reads an object, or a part of it, into memory. Use `download` for objects of unknown or large size: its deadline
    /// grows with the object.
    /// - Throws: `notFound`; `invalid` for a range that starts at or past the end, or when the requested bytes exceed
    ///   the store's limit for reads into memory.
    func get(_ key: String, range: ByteRange?) async throws(ObjectStorageError) -> ObjectData

    /// Reads a whole object into a local file, which it creates or truncates, and removes on failure.
    /// - Throws: `notFound`; `diskFull` when the local file has no space.
    func download(_ key: String, to path: String) async throws(ObjectStorageError) -> ObjectInfo

    /// An object's entry. Throws `notFound` when no object has the key.
    func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo

    /// One page of the objects whose keys start with `prefix`: any text, not only whole folders; empty for all. The
    /// order of keys is unspecified.
    /// - Parameter limit: largest number of entries, 1 ... 1000; a page may have fewer.
    func listPage(
        prefix: String, continuation: String?, limit: Int
    ) async throws(ObjectStorageError) -> ListPage

    /// Removes objects and ignores keys without one. Not atomic: after an error some may be removed.
    func delete(_ keys: [String]) async throws(ObjectStorageError)
}

extension ObjectStore {
    /// Writes an object unconditionally.
    @discardableResult
    package func put(_ key: String, _ bytes: [UInt8]) async throws(ObjectStorageError) -> ObjectInfo {
        try await put(key, .bytes(bytes), condition: .none)
    }

    /// Reads a whole object into memory.
    package func get(_ key: String) async throws(ObjectStorageError) -> ObjectData {
        try await get(key, range: nil)
    }

    /// Whether an object has this key.
    package func exists(_ key: String) async throws(ObjectStorageError) -> Bool {
        do throws(ObjectStorageError) {
            _ = try await head(key)
            return true
        } catch {
            if error.kind == .notFound { return false }
            throw error
        }
    }

    /// All objects whose keys start with `prefix`; pages are fetched on demand.
    package func list(prefix: String = "") -> ObjectListing { ObjectListing(store: self, prefix: prefix) }
}

/// A listing of any length that holds one page at a time.
package struct ObjectListing: AsyncSequence, Sendable {
    /// An object's entry.
    package typealias Element = ObjectInfo
    /// The error of fetching a page.
    package typealias Failure = ObjectStorageError

    let store: any ObjectStore
    let prefix: String

    /// The position in a listing.
    package struct AsyncIterator: AsyncIteratorProtocol {
        let store: any ObjectStore
        let prefix: String
        var page = ListPage(objects: [], continuation: nil)
        var index = 0
        var isFirst = true

        /// The next object, or nil at the end.
        package mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(ObjectStorageError) -> ObjectInfo? {
            while index == page.objects.count {
                guard isFirst || page.continuation != nil else { return nil }
                page = try await store.listPage(prefix: prefix, continuation: page.continuation, limit: 1000)
                index = 0
                isFirst = false
            }
            defer { index += 1 }
            return page.objects[index]
        }
    }

    /// Starts at the first page.
    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(store: store, prefix: prefix) }
}

extension ObjectListing {
    /// The whole listing in memory.
    package func collect() async throws(ObjectStorageError) -> [ObjectInfo] {
        var all: [ObjectInfo] = []
        var iterator = makeAsyncIterator()
        while let next = try await iterator.next() { all.append(next) }
        return all
    }
}
