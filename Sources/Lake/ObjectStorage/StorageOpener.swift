// From a location in the settings or in a table's metadata to a store and keys in it.

import Base
package import HTTP

/// A location opened: a store, and which of its keys lie beneath the location.
package struct StorageRoot: Sendable {
    /// What was opened.
    package let location: Location
    /// The store; its keys are relative to the bucket, or to the opened folder.
    package let store: any ObjectStore
    /// What every key beneath the location starts with: empty, or ending in a slash.
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

    /// The key in `store` for a name beneath the location: `data/a.parquet`.
    package func key(_ name: String) -> String { prefix + name }

    /// The key in `store` for an absolute location, as metadata files hold them.
    /// - Throws: `invalid` when it lies outside the bucket or the opened folder.
    package func key(forLocation text: String) throws(ObjectStorageError) -> String {
        guard let key = base.relativeKey(of: try Location(text)), !key.isEmpty else {
            throw ObjectStorageError(
                kind: .invalid, operation: "open", object: text, detail: "it lies outside \(base)")
        }
        return key
    }

    /// The absolute location of a key in `store`.
    package func location(ofKey key: String) -> String { base.appending(key).description }
}

/// Opens locations with one set of settings; stores of one bucket or folder are shared.
package final class StorageOpener: Sendable {
    private let settings: S3Settings
    private let client: HTTPClient
    private let timing: Timing
    private let stores = Lock<[Location: any ObjectStore]>([:])

    /// An opener. `settings` hold for every bucket.
    package init(settings: S3Settings, client: HTTPClient, timing: Timing = .system) {
        self.settings = settings
        self.client = client
        self.timing = timing
    }

    /// Opens `file:///folder` or `s3://bucket/prefix`. Touches neither disk nor network.
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
