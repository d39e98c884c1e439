// Which snapshots may go, and which removable files nobody needs: pure decisions.

import Iceberg

/// Decides about snapshots.
struct ExpiryDecision {
    package let settings: MaintenanceSettings
    /// Whatever may go goes, be it one.
    var isThorough = false

    /// What to expire now; nil when it is not worth a commit.
    ///
    /// The newest `keepSnapshots` stay unless they are too old; the current one, and those that other branches and tags
    /// name, always stay. A commit is worth it once a quarter as many more have come together, or when one is twice too old.
    package func plan(_ metadata: TableMetadata, now: Int64) -> ExpiryPlan? {
        let line = metadata.ancestors(of: metadata.currentSnapshotID)
        let oldest = now - settings.keepSnapshotsMilliseconds
        let young = line.prefix { $0.timestampMilliseconds >= oldest }.count
        let keep = max(1, min(settings.keepSnapshots, young))
        // Age is what `keepAtLeast` says already; nothing else stays for being young.
        let policy = ExpiryPolicy(keepSinceMilliseconds: .max, keepAtLeast: keep)
        guard let plan = metadata.expiryPlan(policy) else { return nil }
        let isMany = plan.expired.count * 4 >= settings.keepSnapshots
        let isOld = plan.expired.contains {
            $0.timestampMilliseconds < oldest &- settings.keepSnapshotsMilliseconds
        }
        return isThorough || isMany || isOld ? plan : nil
    }
}

/// Everything that the live metadata of a table names.
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

    /// Those of these files that may be removed, in order.
    func removable(_ candidates: some Sequence<String>) -> [String] { candidates.filter { !locations.contains($0) } }
}
