// Opens locations from the settings and from tables' metadata as stores and keys.

import Base
package import HTTP

/// An open location: a store, and the prefix of its keys below the location.
package struct StorageRoot: Sendable {
    /// The open location.
    package let location: Location
    /// The store; its keys are relative to the bucket, or to the opened folder.
    package let store: any ObjectStore
    /// The prefix of every key below the location: empty, or ending in a slash.
    package let prefix: String

    private let base: Location

    /// A root over any store.
    /// - Parameter base: what the store's keys are relative to.
    package init(location: Location, store: any ObjectStore, base: Location) {
        self.location = location
        self.store = store
        self.base = base
        let key = base.relativeKey(of: location) ?? ""
        prefix = key.isEmpty ? "" : key + "/"
    }

    /// The key in `store` of a name below the location, such as `data/a.parquet`.
    package func key(_ name: String) -> String { prefix + name }

    /// The key in `store` of an absolute location, the form in metadata files.
    /// - Throws: `invalid` when it is malformed or outside the bucket or the opened folder.
    package func key(forLocation text: String) throws(ObjectStorageError) -> String {
        guard let key = base.relativeKey(of: try Location(text)), !key.isEmpty else {
            throw ObjectStorageError(
                kind: .invalid, operation: "open", object: text, detail: "it is outside \(base)")
        }
        return key
    }

    /// The absolute location of a key in `store`.
    package func location(ofKey key: String) -> String { base.appending(key).description }
}

/// Opens locations with one set of settings, and shares one store per bucket or folder.
package final class StorageOpener: Sendable {
    private let settings: S3Settings
    private let client: HTTPClient
    private let timing: Timing
    private let stores = Lock<[Location: any ObjectStore]>([:])

    /// An opener that uses `settings` for every bucket.
    package init(settings: S3Settings, client: HTTPClient, timing: Timing = .system) {
        self.settings = settings
        self.client = client
        self.timing = timing
    }

    /// Opens `file:///folder` or `s3://bucket/prefix`, without access to disk or network.
    /// - Throws: `invalid` when the location or the endpoint is malformed.
    package func open(_ text: String) throws(ObjectStorageError) -> StorageRoot {
        let location = try Location(text)
        let base: Location
        switch location.store {
        case .local: base = location
        case .s3: base = Location(store: location.store, key: "")
        }
        return StorageRoot(location: location, store: try store(base), base: base)
    }

    private func store(_ base: Location) throws(ObjectStorageError) -> any ObjectStore {
        if let known = stores.withLock({ $0[base] }) { return known }
        let made: any ObjectStore
        switch base.store {
        case .local: made = LocalStore(root: base.path ?? "/")
        case .s3(let bucket): made = try S3Store(bucket: bucket, settings: settings, client: client, timing: timing)
        }
        return stores.withLock { stores in
            let kept = stores[base] ?? made
            stores[base] = kept
            return kept
        }
    }
}
