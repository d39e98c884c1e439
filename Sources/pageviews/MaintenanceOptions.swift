// Options of maintenance: one for each threshold.

internal import ArgumentParser
internal import Export

/// When files are merged, and what is kept.
struct MaintenanceOptions: ParsableArguments {
    @Flag(inversion: .prefixedNo, help: "Merge files and expire snapshots between exports.")
    var maintenance = true

    @Option(
        help: ArgumentHelp(
            "Merge a day's small data files when there are so many, or fewer where they have few rows.", valueName: "n")
    )
    var compactFiles = MaintenanceSettings().smallFiles

    @Option(
        help: ArgumentHelp("Merge data files up to this size; those below half of it are small.", valueName: "size"))
    var targetFileSize = SizeArgument(mebibytes: MaintenanceSettings().targetFileBytes >> 20)

    @Option(help: ArgumentHelp("Rewrite a data file when this share of its rows is deleted.", valueName: "share"))
    var compactDeletes = MaintenanceSettings().deletedShare

    @Option(help: ArgumentHelp("Rewrite a data file when so many delete files are of it.", valueName: "n"))
    var compactDeleteFiles = MaintenanceSettings().deleteFiles

    @Option(help: ArgumentHelp("Keep so many of a table's newest snapshots; older ones expire.", valueName: "n"))
    var keepSnapshots = MaintenanceSettings().keepSnapshots

    @Option(
        help: ArgumentHelp("Expire snapshots older than this too, but the current one.", valueName: "duration"))
    var keepSnapshotsFor = DurationArgument(milliseconds: MaintenanceSettings().keepSnapshotsMilliseconds)

    @Option(help: ArgumentHelp("Merge a table's manifests when there are so many.", valueName: "n"))
    var mergeManifests = MaintenanceSettings().mergeManifests

    func validate() throws {
        guard compactFiles >= 2 else { throw ValidationError("--compact-files must be 2 or more") }
        guard (1 << 20...1 << 40).contains(targetFileSize.bytes) else {
            throw ValidationError("--target-file-size must be from 1MiB to 1TiB")
        }
        guard compactDeletes > 0, compactDeletes <= 1 else {
            throw ValidationError("--compact-deletes must be above 0 and at most 1")
        }
        guard compactDeleteFiles >= 1 else { throw ValidationError("--compact-delete-files must be 1 or more") }
        guard keepSnapshots >= 1 else { throw ValidationError("--keep-snapshots must be 1 or more") }
        guard mergeManifests >= 2 else { throw ValidationError("--merge-manifests must be 2 or more") }
    }

    /// The exporter's form of them.
    var settings: MaintenanceSettings {
        var settings = MaintenanceSettings()
        settings.isOn = maintenance
        settings.smallFiles = compactFiles
        settings.targetFileBytes = targetFileSize.bytes
        settings.deletedShare = compactDeletes
        settings.deleteFiles = compactDeleteFiles
        settings.keepSnapshots = keepSnapshots
        settings.keepSnapshotsMilliseconds = keepSnapshotsFor.milliseconds
        settings.mergeManifests = mergeManifests
        return settings
    }
}
