// The one protocol that everything above a store of bytes uses, and its vocabulary.
//
// Promises of every implementation:
// - An object is visible under its key either whole or not at all.
// - A conditional put has exactly one winner among any number of concurrent ones.
// - `unknownOutcome` is thrown whenever a write may have taken effect and it could not be found out; never a failure.
// - Every call ends: it has one deadline over all attempts.
//
// Keys are text of 1 to 1024 bytes of UTF-8, compared byte by byte (two spellings of "é" are two keys).

/// When a put may take effect.
package enum PutCondition: Sendable, Equatable {
    /// Always; an existing object is replaced.
    case none
    /// Only when no object has the key.
    case ifAbsent
    /// Only when the object under the key has this entity tag.
    case ifMatch(String)
}

/// The bytes of a new object.
package enum ObjectBody: Sendable, Equatable {
    /// Bytes in memory.
    case bytes([UInt8])
    /// A local file, whole; never held in memory at once. It must not change during the call.
    case file(path: String)
}

/// A part of an object.
package enum ByteRange: Sendable, Equatable {
    /// These bytes, counted from 0; the upper bound is exclusive and may lie past the end. A lower bound at or past the
    /// end is `invalid`.
    case slice(Range<Int64>)
    /// The last `count` bytes, or the whole object when it is shorter.
    case suffix(Int64)
}

/// What a store knows about an object without its bytes.
package struct ObjectInfo: Sendable, Equatable {
    /// The key.
    package var key: String
    /// The size of the whole object in bytes.
    package var size: Int64
    /// An opaque mark that changes whenever the object is replaced. Empty when the store did not say.
    package var etag: String
    /// When it was last written, in seconds since the Unix epoch by the store's clock; nil when the store did not say.
    package var modifiedAt: Int64?

    /// An entry with these parts.
    package init(key: String, size: Int64, etag: String, modifiedAt: Int64? = nil) {
        self.key = key
        self.size = size
        self.etag = etag
        self.modifiedAt = modifiedAt
    }
}

/// An object, or the part of it that was asked for.
package struct ObjectData: Sendable, Equatable {
    /// About the whole object.
    package var info: ObjectInfo
    /// The bytes asked for.
    package var bytes: [UInt8]

    /// These bytes of that object.
    package init(info: ObjectInfo, bytes: [UInt8]) {
        self.info = info
        self.bytes = bytes
    }
}

/// One page of a listing.
package struct ListPage: Sendable, Equatable {
    /// Objects on this page.
    package var objects: [ObjectInfo]
    /// Where the next page starts; nil on the last one. Opaque, and only good for the same prefix.
    package var continuation: String?

    /// A page with these parts.
    package init(objects: [ObjectInfo], continuation: String?) {
        self.objects = objects
        self.continuation = continuation
    }
}

/// A store of immutable byte sequences under text keys.
package protocol ObjectStore: Sendable {
    /// What the store is, for messages: `s3://bucket`, `file:///folder`, `memory:`.
    var name: String { get }

    /// Writes an object and makes it durable.
    /// - Returns: its entry; `modifiedAt` may be missing.
    /// - Throws: `preconditionFailed` when the condition certainly did not hold, `unknownOutcome` when the write may or
    ///   may not have taken effect, and the others as their names say.
    func put(_ key: String, _ body: ObjectBody, condition: PutCondition) async throws(ObjectStorageError) -> ObjectInfo

    /// Reads an object, or a part of it, into memory. For objects of unknown or large size use `download`, which has
    /// time by the object's size.
    /// - Throws: `notFound`; `invalid` for a range that starts at or past the end, or when the bytes asked for exceed
    ///   the store's limit for reading into memory.
    func get(_ key: String, range: ByteRange?) async throws(ObjectStorageError) -> ObjectData

    /// Reads a whole object into a local file, created or emptied first; the file is removed when the call fails.
    func download(_ key: String, to path: String) async throws(ObjectStorageError) -> ObjectInfo

    /// What is known about an object. Throws `notFound` when there is none.
    func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo

    /// One page of the objects whose keys start with `prefix` (any text, not only whole folders; empty for all).
    /// The order of keys is the store's own; do not rely on it.
    /// - Parameter limit: entries at most, 1 ... 1000; a store may give fewer.
    func listPage(
        prefix: String, continuation: String?, limit: Int
    ) async throws(ObjectStorageError) -> ListPage

    /// Removes objects; keys without an object are no error. Not atomic: after an error some may be gone.
    func delete(_ keys: [String]) async throws(ObjectStorageError)
}

extension ObjectStore {
    /// Writes an object whatever was there before.
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

    /// All objects whose keys start with `prefix`, page by page as they are consumed.
    package func list(prefix: String = "") -> ObjectListing { ObjectListing(store: self, prefix: prefix) }
}

/// A listing of any length; holds one page at a time.
package struct ObjectListing: AsyncSequence, Sendable {
    /// What it consists of.
    package typealias Element = ObjectInfo
    /// How a page can fail.
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
    /// All of it, in memory.
    package func collect() async throws(ObjectStorageError) -> [ObjectInfo] {
        var all: [ObjectInfo] = []
        var iterator = makeAsyncIterator()
        while let next = try await iterator.next() { all.append(next) }
        return all
    }
}
