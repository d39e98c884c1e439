// The thresholds of maintenance and their defaults.

import Iceberg

/// Thresholds of maintenance.
package struct MaintenanceSettings: Equatable, Sendable {
    /// Maintenance runs between exports.
    package var isOn = true
    /// Number of small data files of a day at which they are merged; 2 or more. Files with few rows are merged earlier.
    package var smallFiles = 8
    /// Approximate maximum size of a merged data file, in bytes. A file below half of it is small.
    package var targetFileBytes: Int64 = 128 << 20
    /// Share of deleted rows at which a data file is rewritten; above 0, at most 1.
    package var deletedShare = 0.2
    /// Number of position-delete files of a data file at which it is rewritten; 1 or more.
    package var deleteFiles = 32
    /// Number of newest snapshots to keep; 1 or more.
    package var keepSnapshots = 20
    /// Maximum age of a snapshot in milliseconds. The current snapshot stays at any age.
    package var keepSnapshotsMilliseconds: Int64 = 86_400_000
    /// Number of manifests of one kind at which they are merged; 2 or more.
    package var mergeManifests = 20

    /// The defaults.
    package init() {}

    /// How a commit treats existing manifests.
    var manifestPolicy: ManifestPolicy { isOn ? ManifestPolicy(mergeAbove: mergeManifests) : ManifestPolicy() }
}
