// What maintenance is told: each threshold with its default.

import Iceberg

/// Thresholds of maintenance.
package struct MaintenanceSettings: Equatable, Sendable {
    /// Maintenance runs between exports.
    package var isOn = true
    /// A day's small data files are merged when there are this many, 2 or more; fewer do where they have few rows.
    package var smallFiles = 8
    /// Data files are merged up to about this size, in bytes; files below half of it are small.
    package var targetFileBytes: Int64 = 128 << 20
    /// A data file is rewritten when this share of its rows is deleted; above 0, at most 1.
    package var deletedShare = 0.2
    /// A data file is rewritten when this many position-delete files have to be read for it; 1 or more.
    package var deleteFiles = 32
    /// The newest snapshots that stay; 1 or more. Older ones go.
    package var keepSnapshots = 20
    /// Snapshots older than this go too, but the current one, in milliseconds.
    package var keepSnapshotsMilliseconds: Int64 = 86_400_000
    /// Manifests of a table are merged when there are this many of one kind; 2 or more.
    package var mergeManifests = 20

    /// The defaults.
    package init() {}

    /// How a commit treats the manifests that are there.
    var manifestPolicy: ManifestPolicy { isOn ? ManifestPolicy(mergeAbove: mergeManifests) : ManifestPolicy() }
}
