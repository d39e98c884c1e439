// The I/O around planning: reads a snapshot's manifests and writes a plan's files. Caches entries up to a bound,
// because manifests never change.
import Base
import ObjectStorage

/// Reads manifests and stages commits.
package final class TableIO: Sendable {
    /// Largest number of cached entries; the cache is cleared before it would exceed this.
    private static let cachedEntryLimit = 50_000
    /// Number of manifests read concurrently.
    private static let parallelReads = 8

    private struct Cache {
        var entries: [String: [ManifestEntry]] = [:]
        var count = 0
    }

    /// The table's files.
    package let files: TableFiles
    private let cache = Lock(Cache())

    /// Reads and writes `files`.
    package init(files: TableFiles) { self.files = files }

    /// The manifests of a snapshot; empty without one. Throws `ObjectStorageError`, `AvroError` or `IcebergError` when
    /// the manifest list cannot be read.
    package func manifests(of snapshot: Snapshot?) async throws -> [ManifestFile] {
        guard let snapshot else { return [] }
        return try ManifestReader.list(await files.read(snapshot.manifestList), file: snapshot.manifestList)
    }

    /// The entries of a manifest with inheritance applied. Throws like `manifests(of:)`.
    package func entries(of manifest: ManifestFile, in metadata: TableMetadata) async throws -> [ManifestEntry] {
        // The manifest list assigns the row ids, so a retried commit's manifest may have others.
        let key = "\(manifest.path)#\(manifest.sequenceNumber)#\(manifest.firstRowID ?? -1)"
        if let known = cache.withLock({ $0.entries[key] }) { return known }
        guard let spec = metadata.spec(manifest.specID) else {
            throw IcebergError(.malformed, "no partition spec has the id \(manifest.specID)", in: manifest.path)
        }
        let entries = try ManifestReader.entries(
            await files.read(manifest.path), manifest: manifest, spec: spec)
        cache.withLock { cache in
            if cache.count + entries.count > Self.cachedEntryLimit { cache = Cache() }
            cache.entries[key] = entries
            cache.count += entries.count
        }
        return entries
    }

    /// The entries of several manifests, by manifest path. Throws like `manifests(of:)`.
    package func entries(
        of manifests: [ManifestFile], in metadata: TableMetadata
    ) async throws -> [String: [ManifestEntry]] {
        try await withThrowingTaskGroup(of: (String, [ManifestEntry]).self) { group in
            var result: [String: [ManifestEntry]] = [:]
            for (index, manifest) in manifests.enumerated() {
                if index >= Self.parallelReads, let (path, entries) = try await group.next() { result[path] = entries }
                group.addTask { (manifest.path, try await self.entries(of: manifest, in: metadata)) }
            }
            for try await (path, entries) in group { result[path] = entries }
            return result
        }
    }

    /// Plans a snapshot on top of `metadata` and writes its manifests and manifest list. The caller then commits the
    /// plan's requirements and updates to the catalog. If the commit certainly failed, `discard` removes the files.
    ///
    /// - Parameter announce: called with the locations of all files before the first write.
    package func stage(
        _ change: ChangeSet, on metadata: TableMetadata, identity: CommitIdentity,
        policy: ManifestPolicy = ManifestPolicy(), announce: ([String]) throws -> Void = { _ in }
    ) async throws -> CommitPlan {
        let parents = try await manifests(of: metadata.currentSnapshot)
        let planner = try CommitPlanner(metadata: metadata, parents: parents, change: change, policy: policy)
        let entries = try await entries(of: planner.manifestsToRead(), in: metadata)
        let plan = try planner.plan(entries: entries, identity: identity)
        try announce(plan.files.map(\.path))
        for file in plan.files { try await files.write(file.path, file.bytes) }
        return plan
    }

    /// Removes the manifests and the manifest list of a plan that certainly was not committed.
    package func discard(_ plan: CommitPlan) async throws {
        try await files.delete(plan.files.map(\.path))
    }
}
