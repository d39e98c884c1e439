// Plans the expiry of snapshots and finds the files that become unreferenced
// (https://iceberg.apache.org/spec/#snapshot-retention-policy). Pure, except for `TableIO.unreferencedFiles`.
// Invariant: a file of a kept snapshot is never unreferenced. Planning throws when a manifest or entries are missing.

import Avro

/// The snapshots that expiry keeps.
package struct ExpiryPolicy: Sendable, Equatable {
    /// Keep snapshots made at or after this time, in milliseconds since 1970-01-01 UTC.
    package var keepSinceMilliseconds: Int64
    /// Number of newest snapshots of the main branch to keep at least, 1 or more.
    package var keepAtLeast: Int

    /// A policy.
    package init(keepSinceMilliseconds: Int64, keepAtLeast: Int = 1) {
        self.keepSinceMilliseconds = keepSinceMilliseconds
        self.keepAtLeast = max(1, keepAtLeast)
    }
}

/// An expiry ready to commit.
package struct ExpiryPlan: Sendable, Equatable {
    /// The snapshots to expire.
    package let expired: [Snapshot]
    /// The snapshots to keep.
    package let kept: [Snapshot]
    /// The conditions of the commit.
    package let requirements: [TableRequirement]
    /// The changes of the metadata.
    package let updates: [TableUpdate]
}

/// Files that no kept snapshot refers to.
package struct UnreferencedFiles: Sendable, Equatable {
    /// Data files, delete files and Puffin files.
    package var contentFiles: Set<String> = []
    /// Manifests.
    package var manifests: Set<String> = []
    /// Manifest lists.
    package var manifestLists: Set<String> = []
    /// Statistics files.
    package var statistics: Set<String> = []

    /// All files in order of removal: content before the manifests that name it, so an interrupted removal can resume.
    package var all: [String] {
        contentFiles.sorted() + statistics.sorted() + manifests.sorted() + manifestLists.sorted()
    }
}

extension TableMetadata {
    /// The expiry by `policy`; nil when no snapshot can expire.
    ///
    /// The main branch keeps its newest snapshots, other branches all their ancestors, and tags their snapshot.
    /// Snapshots outside of these expire when they are older than the policy's time.
    package func expiryPlan(_ policy: ExpiryPolicy) -> ExpiryPlan? {
        var keeping: Set<Int64> = []
        for (name, ref) in refs {
            if name == SnapshotRef.main {
                keeping.formUnion(ancestors(of: ref.snapshotID).prefix(policy.keepAtLeast).map(\.id))
            } else if ref.type == "branch" {
                keeping.formUnion(ancestors(of: ref.snapshotID).map(\.id))
            } else {
                keeping.insert(ref.snapshotID)
            }
        }
        let isKept = { (snapshot: Snapshot) in
            keeping.contains(snapshot.id) || snapshot.timestampMilliseconds >= policy.keepSinceMilliseconds
        }
        let expired = snapshots.filter { !isKept($0) }
        guard !expired.isEmpty else { return nil }
        return ExpiryPlan(
            expired: expired, kept: snapshots.filter(isKept),
            requirements: [
                .uuid(uuid), .refSnapshot(name: SnapshotRef.main, refs[SnapshotRef.main]?.snapshotID),
            ], updates: [.removeSnapshots(expired.map(\.id))])
    }

    /// The statistics files of all snapshots.
    package var statisticsFiles: Set<String> { statisticsFiles(of: Set(snapshots.map(\.id))) }

    /// The statistics files of the snapshots with these ids.
    func statisticsFiles(of ids: Set<Int64>) -> Set<String> {
        Set(
            (statistics + partitionStatistics).compactMap { entry in
                guard let id = entry["snapshot-id"]?.integer, ids.contains(id) else { return nil }
                return entry["statistics-path"]?.string
            })
    }
}

/// Finds the files that only expired snapshots refer to.
package struct Unreferenced: Sendable {
    private let expired: [Snapshot]
    private let kept: [Snapshot]
    private let manifests: [Int64: [ManifestFile]]

    /// A search over the manifests of all expired and kept snapshots, by snapshot id.
    package init(_ plan: ExpiryPlan, manifests: [Int64: [ManifestFile]]) {
        expired = plan.expired
        kept = plan.kept
        self.manifests = manifests
    }

    private func manifests(_ snapshots: [Snapshot]) -> [String: ManifestFile] {
        var result: [String: ManifestFile] = [:]
        for snapshot in snapshots { for manifest in manifests[snapshot.id] ?? [] { result[manifest.path] = manifest } }
        return result
    }

    /// Manifests that only expired snapshots refer to; every file they list may be unreferenced.
    package var manifestsLost: [ManifestFile] {
        let staying = manifests(kept)
        return manifests(expired).filter { staying[$0.key] == nil }.map(\.value).sorted { $0.path < $1.path }
    }

    /// Manifests of kept snapshots, whose live files stay. Empty when no manifest is lost.
    package var manifestsKept: [ManifestFile] {
        manifestsLost.isEmpty ? [] : manifests(kept).values.sorted { $0.path < $1.path }
    }

    /// The unreferenced files, from the entries of both kinds of manifests, by manifest path. Throws `missing` when a
    /// snapshot's manifests or a manifest's entries are missing.
    package func files(
        entries: [String: [ManifestEntry]], metadata: TableMetadata
    ) throws(IcebergError) -> UnreferencedFiles {
        for snapshot in expired + kept where manifests[snapshot.id] == nil {
            throw IcebergError(.missing, "expiry needs its manifests", in: snapshot.manifestList)
        }
        var result = UnreferencedFiles()
        for manifest in manifestsLost {
            result.contentFiles.formUnion(try Self.paths(manifest, entries, onlyLive: false))
        }
        for manifest in manifestsKept {
            result.contentFiles.subtract(try Self.paths(manifest, entries, onlyLive: true))
        }
        result.manifests = Set(manifestsLost.map(\.path))
        result.manifestLists = Set(expired.map(\.manifestList)).subtracting(kept.map(\.manifestList))
        result.statistics = metadata.statisticsFiles(of: Set(expired.map(\.id)))
            .subtracting(metadata.statisticsFiles(of: Set(kept.map(\.id))))
        assert(
            result.manifests.isDisjoint(with: manifests(kept).keys)
                && result.manifestLists.isDisjoint(with: kept.map(\.manifestList)), "kept snapshots keep their files")
        return result
    }

    private static func paths(
        _ manifest: ManifestFile, _ entries: [String: [ManifestEntry]], onlyLive: Bool
    ) throws(IcebergError) -> Set<String> {
        guard let own = entries[manifest.path] else {
            throw IcebergError(.missing, "expiry needs its entries", in: manifest.path)
        }
        return Set(own.filter { !onlyLive || $0.isLive }.map(\.file.path))
    }
}

extension TableIO {
    /// The files that only the expired snapshots of `plan` refer to. Call this before committing the expiry, because it
    /// reads their manifest lists; remove the files only after the commit.
    package func unreferencedFiles(_ plan: ExpiryPlan, of metadata: TableMetadata) async throws -> UnreferencedFiles {
        var manifests: [Int64: [ManifestFile]] = [:]
        for snapshot in plan.expired + plan.kept { manifests[snapshot.id] = try await self.manifests(of: snapshot) }
        let unreferenced = Unreferenced(plan, manifests: manifests)
        let entries = try await entries(of: unreferenced.manifestsLost + unreferenced.manifestsKept, in: metadata)
        return try unreferenced.files(entries: entries, metadata: metadata)
    }
}
