// Which snapshots may go, and which files nobody needs then; pure. Files are named only after the catalog has
// committed the expiry, and by what is left: a file that any kept snapshot has is never named.

import Avro

/// What expiry keeps.
package struct ExpiryPolicy: Sendable, Equatable {
    /// Snapshots made at or after this time stay, milliseconds since 1970-01-01 UTC.
    package var keepSinceMilliseconds: Int64
    /// At least this many of the newest on the main branch stay; 1 or more.
    package var keepAtLeast: Int

    /// A policy.
    package init(keepSinceMilliseconds: Int64, keepAtLeast: Int = 1) {
        self.keepSinceMilliseconds = keepSinceMilliseconds
        self.keepAtLeast = max(1, keepAtLeast)
    }
}

/// An expiry ready to be committed.
package struct ExpiryPlan: Sendable, Equatable {
    /// The snapshots that go.
    package let expired: [Snapshot]
    /// The snapshots that stay.
    package let kept: [Snapshot]
    /// What must hold.
    package let requirements: [TableRequirement]
    /// What to change.
    package let updates: [TableUpdate]
}

/// Files that no kept snapshot has.
package struct UnreferencedFiles: Sendable, Equatable {
    /// Data files, delete files and Puffin files.
    package var contentFiles: Set<String> = []
    /// Manifests.
    package var manifests: Set<String> = []
    /// Manifest lists.
    package var manifestLists: Set<String> = []
    /// Statistics files.
    package var statistics: Set<String> = []

    /// All of them, content before the manifests that name it, so that an interrupted removal can be found again.
    package var all: [String] {
        contentFiles.sorted() + statistics.sorted() + manifests.sorted() + manifestLists.sorted()
    }
}

extension TableMetadata {
    /// What expiry by `policy` does; nil when nothing can go.
    ///
    /// The main branch keeps its newest; other branches keep all their ancestors, tags their snapshot; snapshots that no
    /// name reaches go once they are old enough.
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

    /// The statistics files of snapshots.
    func statisticsFiles(of ids: Set<Int64>) -> Set<String> {
        Set(
            (statistics + partitionStatistics).compactMap { entry in
                guard let id = entry["snapshot-id"]?.integer, ids.contains(id) else { return nil }
                return entry["statistics-path"]?.string
            })
    }
}

/// Finds the files that only expired snapshots have.
package struct Unreferenced: Sendable {
    private let expired: [Snapshot]
    private let kept: [Snapshot]
    private let manifests: [Int64: [ManifestFile]]

    /// Over the manifests of all expired and kept snapshots, by snapshot id.
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

    /// Manifests that only expired snapshots have; every file they name may be unreferenced.
    package var manifestsLost: [ManifestFile] {
        let staying = manifests(kept)
        return manifests(expired).filter { staying[$0.key] == nil }.map(\.value).sorted { $0.path < $1.path }
    }

    /// Manifests that stay; every live file they name stays. Empty when there is nothing to compare with.
    package var manifestsKept: [ManifestFile] {
        manifestsLost.isEmpty ? [] : manifests(kept).values.sorted { $0.path < $1.path }
    }

    /// The files, given the entries of both, by manifest path. Throws `IcebergError` of kind `missing` when entries are not
    /// given: a file is never named on incomplete knowledge.
    package func files(
        entries: [String: [ManifestEntry]], metadata: TableMetadata
    ) throws(IcebergError) -> UnreferencedFiles {
        for snapshot in expired + kept where manifests[snapshot.id] == nil {
            throw IcebergError(.missing, "its manifests are needed for expiry", in: snapshot.manifestList)
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
        return result
    }

    private static func paths(
        _ manifest: ManifestFile, _ entries: [String: [ManifestEntry]], onlyLive: Bool
    ) throws(IcebergError) -> Set<String> {
        guard let own = entries[manifest.path] else {
            throw IcebergError(.missing, "its entries are needed for expiry", in: manifest.path)
        }
        return Set(own.filter { !onlyLive || $0.isLive }.map(\.file.path))
    }
}

extension TableIO {
    /// The files that only the expired snapshots of `plan` have. To be asked before the expiry is committed, because it
    /// reads the manifest lists; to be acted on only after it was.
    package func unreferencedFiles(_ plan: ExpiryPlan, of metadata: TableMetadata) async throws -> UnreferencedFiles {
        var manifests: [Int64: [ManifestFile]] = [:]
        for snapshot in plan.expired + plan.kept { manifests[snapshot.id] = try await self.manifests(of: snapshot) }
        let unreferenced = Unreferenced(plan, manifests: manifests)
        let entries = try await entries(of: unreferenced.manifestsLost + unreferenced.manifestsKept, in: metadata)
        return try unreferenced.files(entries: entries, metadata: metadata)
    }
}
