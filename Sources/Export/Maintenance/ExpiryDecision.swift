// Decides which snapshots expire and which files are unreferenced. Pure.

import Iceberg

/// Decides about snapshots.
struct ExpiryDecision {
    package let settings: MaintenanceSettings
    /// Expires every snapshot that may expire, even a single one.
    var isThorough = false

    /// The snapshots to expire now; nil when they are not worth a commit.
    ///
    /// The newest `keepSnapshots` stay unless they are older than `keepSnapshotsMilliseconds`. The current snapshot and
    /// those of other branches and tags always stay. A commit is worth it when a quarter of `keepSnapshots` can expire,
    /// or when one of them has twice the maximum age.
    /// - Parameter now: milliseconds since the Unix epoch.
    package func plan(_ metadata: TableMetadata, now: Int64) -> ExpiryPlan? {
        let line = metadata.ancestors(of: metadata.currentSnapshotID)
        let oldest = now - settings.keepSnapshotsMilliseconds
        let young = line.prefix { $0.timestampMilliseconds >= oldest }.count
        let keep = max(1, min(settings.keepSnapshots, young))
        // `keepAtLeast` already includes the age, so no other snapshot stays because it is young.
        let policy = ExpiryPolicy(keepSinceMilliseconds: .max, keepAtLeast: keep)
        guard let plan = metadata.expiryPlan(policy) else { return nil }
        let isMany = plan.expired.count * 4 >= settings.keepSnapshots
        let isOld = plan.expired.contains {
            $0.timestampMilliseconds < oldest &- settings.keepSnapshotsMilliseconds
        }
        return isThorough || isMany || isOld ? plan : nil
    }
}

/// The files that a table's current metadata references.
struct ReferencedFiles {
    private var locations: Set<String>

    package init(_ metadata: TableMetadata, metadataFile: String?) {
        locations = Set(metadata.metadataLog.map(\.file))
        locations.formUnion(metadata.snapshots.map(\.manifestList))
        if let metadataFile { locations.insert(metadataFile) }
        locations.formUnion(metadata.statisticsFiles)
    }

    package mutating func add(_ manifest: ManifestFile, _ entries: [ManifestEntry]) {
        locations.insert(manifest.path)
        for entry in entries where entry.isLive { locations.insert(entry.file.path) }
    }

    /// The candidates that are not referenced, in order.
    func removable(_ candidates: some Sequence<String>) -> [String] { candidates.filter { !locations.contains($0) } }
}
