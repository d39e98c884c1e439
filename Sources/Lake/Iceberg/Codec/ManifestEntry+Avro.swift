// Converts a manifest entry from and to an Avro record, whose values are in the order of `ManifestSchema`.
import Avro
import Base

extension ManifestEntry {
    func avro(formatVersion: Int) -> AvroValue {
        .record([
            .integer(Int64(status.rawValue)), .optional(snapshotID), .optional(sequenceNumber),
            .optional(fileSequenceNumber), file.avro(formatVersion: formatVersion),
        ])
    }

    init(avro value: AvroValue, partition: AvroSchema, specID: Int, file path: String) throws(IcebergError) {
        guard let values = value.record, values.count == 5, let fields = values[4].record,
            let status = values[0].integer.flatMap({ EntryStatus(rawValue: Int(truncatingIfNeeded: $0)) })
        else { throw IcebergError(.malformed, "an entry has an unknown status", in: path) }
        self.status = status
        snapshotID = values[1].integer
        sequenceNumber = values[2].integer
        fileSequenceNumber = values[3].integer
        file = try DataFile(avro: fields, partition: partition, specID: specID, file: path)
    }
}

extension DataFile {
    fileprivate func avro(formatVersion: Int) -> AvroValue {
        let values: [AvroValue] = [
            .integer(Int64(content.rawValue)), .string(path), .string(format),
            .record(partition.map { $0?.avro ?? .null }), .integer(recordCount), .integer(fileSizeBytes),
            .entries(metrics.columnSizes), .entries(metrics.valueCounts), .entries(metrics.nullValueCounts),
            .entries(metrics.nanValueCounts), .entries(metrics.lowerBounds), .entries(metrics.upperBounds),
            keyMetadata.map { .bytes($0) } ?? .null,
            splitOffsets.isEmpty ? .null : .array(splitOffsets.map { .integer($0) }),
            equalityIDs.isEmpty ? .null : .array(equalityIDs.map { .integer(Int64($0)) }),
            .optional(sortOrderID.map(Int64.init)), referencedDataFile.map { .string($0) } ?? .null,
            .optional(firstRowID), .optional(contentOffset), .optional(contentSizeBytes),
        ]
        return .record(
            formatVersion >= 3 ? values : [AvroValue](values.prefix(ManifestSchema.version2Columns)))
    }

    fileprivate init(
        avro values: [AvroValue], partition schema: AvroSchema, specID: Int, file: String
    ) throws(IcebergError) {
        guard values.count == 20,
            let content = values[0].integer.flatMap({ FileContent(rawValue: Int(truncatingIfNeeded: $0)) }),
            let path = values[1].string, let format = values[2].string, let partition = values[3].record,
            let recordCount = values[4].integer, let size = values[5].integer, Plausible.count.contains(recordCount),
            Plausible.count.contains(size)
        else { throw IcebergError(.malformed, "an entry has an unknown content or an impossible count", in: file) }
        self.init(
            content: content, path: path, format: format, specID: specID,
            partition: Self.partition(partition, schema), recordCount: recordCount, fileSizeBytes: size)
        metrics.columnSizes = values[6].longs
        metrics.valueCounts = values[7].longs
        metrics.nullValueCounts = values[8].longs
        metrics.nanValueCounts = values[9].longs
        metrics.lowerBounds = values[10].binaries
        metrics.upperBounds = values[11].binaries
        keyMetadata = values[12].bytes
        splitOffsets = values[13].array?.compactMap(\.integer) ?? []
        equalityIDs = values[14].array?.compactMap { $0.integer.map { Int(truncatingIfNeeded: $0) } } ?? []
        sortOrderID = values[15].integer.map { Int(truncatingIfNeeded: $0) }
        referencedDataFile = values[16].string
        firstRowID = values[17].integer
        contentOffset = values[18].integer
        contentSizeBytes = values[19].integer
    }

    private static func partition(_ values: [AvroValue], _ schema: AvroSchema) -> [Literal?] {
        guard case .record(let record) = schema else { return [] }
        return zip(values, record.fields).map { Literal(avro: $0, schema: $1.schema) }
    }
}

extension ManifestFile {
    func avro(formatVersion: Int) -> AvroValue {
        var values: [AvroValue] = [
            .string(path), .integer(lengthBytes), .integer(Int64(specID)), .integer(Int64(content.rawValue)),
            .integer(sequenceNumber), .integer(minSequenceNumber), .integer(addedSnapshotID),
            .integer(Int64(addedFilesCount ?? 0)), .integer(Int64(existingFilesCount ?? 0)),
            .integer(Int64(deletedFilesCount ?? 0)), .integer(addedRowsCount ?? 0), .integer(existingRowsCount ?? 0),
            .integer(deletedRowsCount ?? 0), .array(partitions.map(\.avro)), keyMetadata.map { .bytes($0) } ?? .null,
        ]
        if formatVersion >= 3 { values.append(.optional(firstRowID)) }
        return .record(values)
    }

    init(avro value: AvroValue, file: String) throws(IcebergError) {
        guard let values = value.record, values.count == 16, let path = values[0].string,
            let length = values[1].integer, let specID = values[2].integer, let sequenceNumber = values[4].integer,
            let content = values[3].integer.flatMap({ ManifestContent(rawValue: Int(truncatingIfNeeded: $0)) }),
            let minSequenceNumber = values[5].integer, length >= 0, sequenceNumber >= 0
        else { throw IcebergError(.malformed, "a manifest has an unknown content or a negative number", in: file) }
        self.path = path
        lengthBytes = length
        self.specID = Int(truncatingIfNeeded: specID)
        self.content = content
        self.sequenceNumber = sequenceNumber
        self.minSequenceNumber = minSequenceNumber
        addedSnapshotID = values[6].integer ?? -1
        addedFilesCount = values[7].count
        existingFilesCount = values[8].count
        deletedFilesCount = values[9].count
        addedRowsCount = values[10].integer
        existingRowsCount = values[11].integer
        deletedRowsCount = values[12].integer
        partitions = (values[13].array ?? []).map(PartitionSummary.init(avro:))
        keyMetadata = values[14].bytes
        firstRowID = values[15].integer
    }
}

extension PartitionSummary {
    fileprivate var avro: AvroValue {
        .record([
            .boolean(containsNull), containsNaN.map { .boolean($0) } ?? .null, lowerBound.map { .bytes($0) } ?? .null,
            upperBound.map { .bytes($0) } ?? .null,
        ])
    }

    fileprivate init(avro value: AvroValue) {
        let values = value.record ?? []
        containsNull = values.first?.boolean ?? true
        containsNaN = values.count > 1 ? values[1].boolean : nil
        lowerBound = values.count > 2 ? values[2].bytes : nil
        upperBound = values.count > 3 ? values[3].bytes : nil
    }
}

extension AvroValue {
    fileprivate static func optional(_ number: Int64?) -> AvroValue { number.map { .integer($0) } ?? .null }

    fileprivate static func entries(_ counts: [Int: Int64]) -> AvroValue {
        guard !counts.isEmpty else { return .null }
        return .array(counts.sorted { $0.key < $1.key }.map { .record([.integer(Int64($0.key)), .integer($0.value)]) })
    }

    fileprivate static func entries(_ bounds: [Int: [UInt8]]) -> AvroValue {
        guard !bounds.isEmpty else { return .null }
        return .array(bounds.sorted { $0.key < $1.key }.map { .record([.integer(Int64($0.key)), .bytes($0.value)]) })
    }

    fileprivate var count: Int? { integer.map { Int(truncatingIfNeeded: $0) } }

    fileprivate var longs: [Int: Int64] {
        var result: [Int: Int64] = [:]
        for case .record(let pair) in array ?? [] {
            if let key = pair.first?.count, let value = pair.last?.integer { result[key] = value }
        }
        return result
    }

    fileprivate var binaries: [Int: [UInt8]] {
        var result: [Int: [UInt8]] = [:]
        for case .record(let pair) in array ?? [] {
            if let key = pair.first?.count, let value = pair.last?.bytes { result[key] = value }
        }
        return result
    }
}
