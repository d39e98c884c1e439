// The options of maintenance, one row per threshold.

import Arguments
import Export

extension MaintenanceSettings {
    static let rows: [Option<MaintenanceSettings>] = [
        .flag("maintenance", \.isOn, "Merge files and expire snapshots between exports.", isInvertible: true),
        .value(
            "compact-files", \.smallFiles, .number, "n",
            "Number of small data files at which a day's are merged; fewer where they have few rows.",
            bounds: .atLeast(2)),
        .value(
            "target-file-size", \.targetFileBytes, .size, "size",
            "Merge data files up to this size; those below half of it are small.",
            bounds: .from(1 << 20...1 << 40, .size)),
        .value(
            "compact-deletes", \.deletedShare, .number, "share",
            "Rewrite a data file when this share of its rows is deleted.",
            bounds: Bounds("must be above 0 and at most 1") { $0 > 0 && $0 <= 1 }),
        .value(
            "compact-delete-files", \.deleteFiles, .number, "n",
            "Number of delete files at which a data file is rewritten.", bounds: .atLeast(1)),
        .value(
            "keep-snapshots", \.keepSnapshots, .number, "n",
            "Number of newest snapshots to keep per table; older ones expire.", bounds: .atLeast(1)),
        .value(
            "keep-snapshots-for", \.keepSnapshotsMilliseconds, .duration, "duration",
            "Expire snapshots older than this too, but the current one."),
        .value(
            "merge-manifests", \.mergeManifests, .number, "n",
            "Number of manifests at which a table's manifests are merged.", bounds: .atLeast(2)),
    ]
}
