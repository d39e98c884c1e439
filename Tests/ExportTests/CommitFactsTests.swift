// Tests of the entries of a commit, and of the recorded files that wait for it.

import Base
import Foundation
import Iceberg
import Parquet
import Testing

@testable import Export
@testable import State
@testable import TableScan
@testable import Tables

@Suite struct CommitFactsTests {
    @Test func offsetsAndWatermarksAreJSONInTheOrderOfPartitions() throws {
        let text = Mark.text(offsets: [10: OffsetSpan(from: 5, to: 9), 2: OffsetSpan(from: 0, to: 20)])
        #expect(text == #"{"2":[0,20],"10":[5,9]}"#)
        let read = try JSONDecoder().decode([String: [Int64]].self, from: Data(text.utf8))
        #expect(read == ["2": [0, 20], "10": [5, 9]])
        #expect(
            Mark.text(watermarks: [1: EventTime(milliseconds: -1), 0: EventTime(milliseconds: 1_611_662_684_000)])
                == #"{"0":1611662684000,"1":-1}"#)
        #expect(Mark.text(offsets: [:]) == "{}")
        #expect(Mark.text(watermarks: [:]) == "{}")
    }

    private static func segment(_ offsets: [PartitionID: OffsetSpan]) -> Segment {
        Segment(name: "s", rows: 1, offsets: offsets, parquet: [], json: nil)
    }

    @Test func segmentsInARowCoverTheirSpansTogether() {
        let covered = RawPreparation.covered(by: [
            Self.segment([0: OffsetSpan(from: 3, to: 7), 1: OffsetSpan(from: 0, to: 2)]),
            Self.segment([0: OffsetSpan(from: 7, to: 8)]),
            Self.segment([0: OffsetSpan(from: 8, to: 20), 2: OffsetSpan(from: 5, to: 6)]),
        ])
        #expect(
            covered == [
                0: OffsetSpan(from: 3, to: 20), 1: OffsetSpan(from: 0, to: 2), 2: OffsetSpan(from: 5, to: 6),
            ])
        #expect(RawPreparation.covered(by: []).isEmpty)
    }

    /// The metrics of a written file with two columns, a text and a number.
    private static func metrics(_ texts: [String]) throws -> ParquetMetrics {
        let schema = ParquetSchema([
            Column("name", .string, fieldID: 1), Column("value", .int64, isOptional: true, fieldID: 2),
        ])
        let writer = try ParquetWriter(schema: schema) { _ in }
        let (names, values) = (try writer.bytes(0), try writer.int64(1))
        for (index, text) in texts.enumerated() {
            names.append(text)
            values.append(index == 0 ? nil : Int64(index))
            try writer.endRow()
        }
        return ParquetMetrics(try writer.finish())
    }

    private static func stored<Value: Codable>(_ value: Value) throws -> Value {
        try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
    }

    @Test func metricsOfAFileAreTheSameAfterTheyWereStored() throws {
        let metrics = try Self.metrics(["b", "a", "c"])
        #expect(try Self.stored(metrics) == metrics)
        #expect(metrics.rows == 3)
        let file = metrics.dataFile(location: "s3://b/k", specID: 0, partition: [.int(18_653)])
        #expect(file.recordCount == 3)
        #expect(file.partition == [.int(18_653)])
        #expect(file.metrics.nullValueCounts == [1: 0, 2: 1])
        #expect(file.metrics.lowerBounds[1] == Array("a".utf8))
        #expect(file.metrics.upperBounds[1] == Array("c".utf8))
        #expect(file.metrics.lowerBounds[2] == [1, 0, 0, 0, 0, 0, 0, 0])
        #expect(file.metrics.upperBounds[2] == [2, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func boundsOfLongTextsEncloseThem() throws {
        for letter in ["x", "é", "語", "\u{1F600}", "\u{10FFFF}", "\u{D7FF}"] {
            for length in [1, 15, 16, 17, 63, 64, 65, 300] {
                let text = String(repeating: letter, count: length)
                let metrics = try Self.metrics([text])
                let column = try #require(metrics.columns.first { $0.id == 1 })
                let bytes = Array(text.utf8)
                if let lower = column.lower {
                    #expect(!bytes.lexicographicallyPrecedes(Array(lower)), "lower bound above \(letter) x \(length)")
                }
                if let upper = column.upper {
                    #expect(!Array(upper).lexicographicallyPrecedes(bytes), "upper bound below \(letter) x \(length)")
                }
            }
        }
    }

    @Test func filesOfACommitAreTheSameAfterTheyWereStored() throws {
        var files = CommitFiles()
        let metrics = try Self.metrics(["a"])
        files.data = [ParquetUpload(name: "d", location: "s3://b/d", day: 1, metrics: metrics)]
        files.deletes = [
            ParquetUpload(name: "x", location: "s3://b/x", day: 1, metrics: metrics)
        ]
        files.plain = [PlainUpload(name: "j", location: "s3://b/j")]
        files.summary = ["k": "v"]
        #expect(try Self.stored(files) == files)
        #expect(files.uploads.map(\.name) == ["d", "x", "j"])
        let metadata = try TableMetadata(
            formatVersion: 2, uuid: "u", location: "t", schema: ExportTable.counts.icebergSchema,
            spec: ExportTable.counts.partitionSpec, properties: [:], nowMilliseconds: 0)
        let data = try files.data[0].dataFile(.counts, in: metadata, table: "t")
        #expect(data.path == "s3://b/d" && data.content == .data)
        #expect(data.partition == [.int(1)])
    }

    /// Longer than a truncated bound, as all locations are.
    @Test func aPositionDeleteFileNamesOneDataFileInFull() throws {
        let dataFile = "s3://a-bucket/lake/pageviews/postcode_view_count/data/counts-0123456789-é.parquet"
        let (bytes, metrics) = try PositionDelete.file([0, 7, 1 << 40], of: dataFile)
        #expect(metrics.rows == 3 && metrics.bytes == Int64(bytes.count))
        let column = try #require(metrics.columns.first { $0.id == ReservedField.deletePath.id })
        #expect(column.lower == Data(dataFile.utf8))
        #expect(column.upper == Data(dataFile.utf8))
        let reader = try ParquetReader(MemorySource(bytes))
        let columns = RowGroupColumns(
            reader: reader, group: 0, firstPosition: 0, file: "x", expected: PositionDelete.schema)
        let paths = try columns.bytes(Int32(ReservedField.deletePath.id)).values
        #expect(
            (0..<3).map { String(decoding: paths.bytes($0), as: UTF8.self) } == Array(repeating: dataFile, count: 3))
        #expect(try columns.int64(Int32(ReservedField.deletePosition.id)).values == [0, 7, 1 << 40])
    }
}
