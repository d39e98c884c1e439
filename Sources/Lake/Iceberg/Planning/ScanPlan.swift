// Plans the files to read for the rows of a snapshot, and the deletes to apply to each
// (https://iceberg.apache.org/spec/#scan-planning). Pure, except for `TableIO.scan`.
// A data file is skipped only when its partition or its bounds prove that it has no wanted row; a missing bound proves
// nothing. A delete file is skipped by its partition only, as are the data files that it applies to.

/// A wanted range of a column's values. Rows with null are not wanted.
package struct ScanRange: Sendable, Equatable {
    /// The column's field id.
    package let fieldID: Int
    /// The smallest wanted value, inclusive; nil: unbounded.
    package let lower: Literal?
    /// The largest wanted value, inclusive; nil: unbounded.
    package let upper: Literal?

    /// A range, both ends inclusive.
    package init(fieldID: Int, lower: Literal?, upper: Literal?) {
        self.fieldID = fieldID
        self.lower = lower
        self.upper = upper
    }

    /// Whether no value in `low` ... `high` is wanted; a missing bound proves nothing.
    func excludes(from low: Literal?, to high: Literal?) -> Bool {
        if let lower, let high, high.isBefore(lower) == true { return true }
        if let upper, let low, upper.isBefore(low) == true { return true }
        return false
    }

    /// The range of partition values of rows in this range; nil when the transform is not monotonic or unknown.
    func through(_ transform: Transform, source: FieldType) -> ScanRange? {
        switch transform {
        case .identity: self
        case .year, .month, .day, .hour:
            ScanRange(
                fieldID: fieldID, lower: transform.apply(lower, source: source),
                upper: transform.apply(upper, source: source))
        case .void, .other: nil
        }
    }
}

/// A data file to read, with its deletes.
package struct ScanTask: Sendable, Equatable {
    /// The data file.
    package let file: DataFile
    /// Its data sequence number.
    package let sequenceNumber: Int64
    /// Position-delete files that may apply to it; empty with a deletion vector, which contains their deletes (spec,
    /// Scan Planning).
    package let positionDeletes: [DataFile]
    /// Its deletion vector.
    package let deletionVector: DataFile?

    /// A file with its deletes.
    package init(file: DataFile, sequenceNumber: Int64, positionDeletes: [DataFile], deletionVector: DataFile?) {
        self.file = file
        self.sequenceNumber = sequenceNumber
        self.positionDeletes = positionDeletes
        self.deletionVector = deletionVector
    }
}

/// Plans the reading of a snapshot.
package struct ScanPlanner: Sendable {
    private let metadata: TableMetadata
    private let schemas: [TableSchema]
    private let ranges: [ScanRange]

    /// A planner for rows in all `ranges`; empty: all rows.
    package init(metadata: TableMetadata, ranges: [ScanRange] = []) {
        self.metadata = metadata
        schemas = metadata.schemasByRelevance
        self.ranges = ranges
    }

    /// The manifests of data and deletes whose entries `tasks` needs. Includes those without live files by the manifest
    /// list, which `ManifestReader` verifies.
    package func manifestsToRead(_ manifests: [ManifestFile]) -> [ManifestFile] {
        manifests.filter { !isExcluded($0) }
    }

    /// The files to read, in order of their paths, from the entries of those manifests.
    ///
    /// Throws `unsupported` when a live equality delete may apply, and `malformed` when a data file is listed twice or
    /// has two deletion vectors.
    package func tasks(entries: some Sequence<ManifestEntry>) throws(IcebergError) -> [ScanTask] {
        var data: [ManifestEntry] = []
        var deletes = DeleteIndex()
        for entry in entries where entry.isLive && !isExcludedByPartition(entry.file) {
            if entry.file.content == .data {
                if !isExcludedByBounds(entry.file) { data.append(entry) }
            } else {
                try deletes.add(entry)
            }
        }
        data.sort { $0.file.path < $1.file.path }
        for (entry, next) in zip(data, data.dropFirst()) where entry.file.path == next.file.path {
            throw IcebergError(.malformed, "is listed twice, so its rows would count twice", in: entry.file.path)
        }
        return data.map { entry in
            let number = entry.sequenceNumber ?? 0
            let vector = deletes.vector(of: entry.file, sequenceNumber: number)
            return ScanTask(
                file: entry.file, sequenceNumber: number,
                positionDeletes: vector == nil ? deletes.files(for: entry.file, sequenceNumber: number) : [],
                deletionVector: vector)
        }
    }
}

extension ScanPlanner {
    private func type(of fieldID: Int) -> FieldType? {
        schemas.lazy.compactMap { $0.field(id: fieldID)?.type }.first
    }

    /// The wanted range of each partition field with a known range.
    private func partitionRanges(_ specID: Int) -> [(index: Int, type: FieldType, range: ScanRange)] {
        guard let spec = metadata.spec(specID) else { return [] }
        return spec.fields.enumerated().flatMap { index, field in
            ranges.compactMap { range in
                guard range.fieldID == field.sourceID, let source = type(of: field.sourceID),
                    let through = range.through(field.transform, source: source)
                else { return nil }
                return (index, field.transform.resultType(source: source), through)
            }
        }
    }

    private func isExcluded(_ manifest: ManifestFile) -> Bool {
        partitionRanges(manifest.specID).contains { index, type, range in
            guard index < manifest.partitions.count else { return false }
            let summary = manifest.partitions[index]
            let low = summary.lowerBound.flatMap { Literal(binary: $0, type: type) }
            let high = summary.upperBound.flatMap { Literal(binary: $0, type: type) }
            return range.excludes(from: low, to: high)
        }
    }

    private func isExcludedByPartition(_ file: DataFile) -> Bool {
        partitionRanges(file.specID).contains { index, _, range in
            guard index < file.partition.count else { return false }
            guard let value = file.partition[index] else { return true }
            return range.excludes(from: value, to: value)
        }
    }

    private func isExcludedByBounds(_ file: DataFile) -> Bool {
        ranges.contains { range in
            guard let type = type(of: range.fieldID) else { return false }
            let low = file.metrics.lowerBounds[range.fieldID].flatMap { Literal(binary: $0, type: type) }
            let high = file.metrics.upperBounds[range.fieldID].flatMap { Literal(binary: $0, type: type) }
            if let nulls = file.metrics.nullValueCounts[range.fieldID], nulls == file.recordCount { return true }
            return range.excludes(from: low, to: high)
        }
    }
}

/// Deletes, indexed by the data files they may apply to.
private struct DeleteIndex {
    private struct Group: Hashable {
        let specID: Int
        let partition: [Literal?]
    }

    private var vectors: [String: ManifestEntry] = [:]
    private var byPath: [String: [ManifestEntry]] = [:]
    private var byPartition: [Group: [ManifestEntry]] = [:]

    mutating func add(_ entry: ManifestEntry) throws(IcebergError) {
        guard entry.file.content == .positionDeletes else {
            throw IcebergError(.unsupported, "the table has equality deletes, which are not read", in: entry.file.path)
        }
        if entry.file.isDeletionVector, let path = entry.file.referencedDataFile {
            guard vectors.updateValue(entry, forKey: path) == nil else {
                throw IcebergError(.malformed, "has two deletion vectors", in: path)
            }
        } else if let path = entry.file.singleReferencedPath {
            byPath[path, default: []].append(entry)
        } else {
            let group = Group(specID: entry.file.specID, partition: entry.file.partition)
            byPartition[group, default: []].append(entry)
        }
    }

    func vector(of file: DataFile, sequenceNumber: Int64) -> DataFile? {
        vectors[file.path].flatMap { ($0.sequenceNumber ?? 0) >= sequenceNumber ? $0.file : nil }
    }

    func files(for file: DataFile, sequenceNumber: Int64) -> [DataFile] {
        let group = Group(specID: file.specID, partition: file.partition)
        let path = [UInt8](file.path.utf8)
        return ((byPath[file.path] ?? []) + (byPartition[group] ?? [])).filter { entry in
            guard (entry.sequenceNumber ?? 0) >= sequenceNumber else { return false }
            let metrics = entry.file.metrics
            // Bounds may be truncated: a truncated lower bound is still below, and a truncated upper bound above.
            if let low = metrics.lowerBounds[ReservedField.deletePath.id], path.lexicographicallyPrecedes(low) {
                return false
            }
            if let high = metrics.upperBounds[ReservedField.deletePath.id], high.lexicographicallyPrecedes(path) {
                return false
            }
            return true
        }.map(\.file)
    }
}

extension TableIO {
    /// The files to read for the rows of a snapshot in all `ranges`; empty without a snapshot.
    package func scan(
        _ snapshot: Snapshot?, of metadata: TableMetadata, ranges: [ScanRange] = []
    ) async throws -> [ScanTask] {
        let planner = ScanPlanner(metadata: metadata, ranges: ranges)
        let manifests = planner.manifestsToRead(try await manifests(of: snapshot))
        let entries = try await entries(of: manifests, in: metadata)
        return try planner.tasks(entries: entries.values.joined())
    }
}
