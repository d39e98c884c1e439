// The counts in a snapshot's summary (https://iceberg.apache.org/spec/#optional-snapshot-summary-fields).

/// Counts of what a commit adds and removes.
struct SummaryTotals {
    private struct Side {
        var dataFiles: Int64 = 0
        var records: Int64 = 0
        var bytes: Int64 = 0
        var deleteFiles: Int64 = 0
        var positionDeleteFiles: Int64 = 0
        var vectors: Int64 = 0
        var positionDeletes: Int64 = 0
        var equalityDeleteFiles: Int64 = 0
        var equalityDeletes: Int64 = 0

        mutating func count(_ file: DataFile) {
            // Counts in manifests are untrusted, so they wrap instead of trapping.
            bytes &+= file.isDeletionVector ? (file.contentSizeBytes ?? 0) : file.fileSizeBytes
            switch file.content {
            case .data:
                dataFiles += 1
                records &+= file.recordCount
            case .positionDeletes:
                deleteFiles += 1
                positionDeletes &+= file.recordCount
                if file.isDeletionVector { vectors += 1 } else { positionDeleteFiles += 1 }
            case .equalityDeletes:
                deleteFiles += 1
                equalityDeleteFiles += 1
                equalityDeletes &+= file.recordCount
            }
        }
    }

    private struct Partition: Hashable {
        let specID: Int
        let values: [Literal?]
    }

    private var added = Side()
    private var removed = Side()
    private var partitions: Set<Partition> = []

    mutating func add(_ file: DataFile) {
        added.count(file)
        partitions.insert(Partition(specID: file.specID, values: file.partition))
    }

    mutating func remove(_ file: DataFile) {
        removed.count(file)
        partitions.insert(Partition(specID: file.specID, values: file.partition))
    }

    /// The summary. A total continues the parent's, and is omitted when the parent has none.
    func summary(after parent: Snapshot?, isFirst: Bool) -> [String: String] {
        var summary = changes.filter { $0.value != 0 }.mapValues { "\($0)" }
        summary["changed-partition-count"] = "\(partitions.count)"
        for (key, difference) in differences {
            let previous = isFirst ? 0 : parent?.summary[key].flatMap { Int64($0) }
            if let previous { summary[key] = "\(max(0, previous &+ difference))" }
        }
        return summary
    }

    private var changes: [String: Int64] {
        [
            "added-data-files": added.dataFiles, "deleted-data-files": removed.dataFiles,
            "added-records": added.records, "deleted-records": removed.records,
            "added-files-size": added.bytes, "removed-files-size": removed.bytes,
            "added-delete-files": added.deleteFiles, "removed-delete-files": removed.deleteFiles,
            "added-position-delete-files": added.positionDeleteFiles,
            "removed-position-delete-files": removed.positionDeleteFiles,
            "added-dvs": added.vectors, "removed-dvs": removed.vectors,
            "added-position-deletes": added.positionDeletes, "removed-position-deletes": removed.positionDeletes,
            "removed-equality-delete-files": removed.equalityDeleteFiles,
            "removed-equality-deletes": removed.equalityDeletes,
        ]
    }

    private var differences: [String: Int64] {
        [
            "total-data-files": added.dataFiles &- removed.dataFiles, "total-records": added.records &- removed.records,
            "total-files-size": added.bytes &- removed.bytes,
            "total-delete-files": added.deleteFiles &- removed.deleteFiles,
            "total-position-deletes": added.positionDeletes &- removed.positionDeletes,
            "total-equality-deletes": added.equalityDeletes &- removed.equalityDeletes,
        ]
    }
}
