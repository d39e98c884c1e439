// Prepares a commit of the raw table: several waiting segments in one snapshot.

import Base
import Tables
import Foundation
import Iceberg
import State

/// Builds the intent of one raw commit.
enum RawPreparation {
    /// - Parameters:
    ///   - segments: the segments in the order in which they were closed; not empty.
    ///   - progress: the offsets at which the table ends (exclusive), by partition.
    ///   - jsonRoot: the location of the folder for JSON lines.
    package static func intent(
        _ context: PreparationContext, segments: [Segment], progress: [PartitionID: KafkaOffset],
        generation: Generation,
        jsonRoot: String
    ) throws -> Intent {
        precondition(!segments.isEmpty, "a raw commit has segments")
        var files = CommitFiles()
        for segment in segments {
            for file in segment.parquet {
                guard let metrics = file.metrics else { continue }
                files.data.append(
                    ParquetUpload(
                        name: file.name, location: context.location(.raw, day: file.day, file.name), day: file.day,
                        metrics: metrics))
            }
            if let json = segment.json {
                let name = "raw-pageviews-\(segment.name).jsonl.zst"
                files.plain.append(
                    PlainUpload(
                        name: json.name, location: "\(jsonRoot)/raw/\(DayName.folders(json.day))/\(name)",
                        bytes: json.bytes, checksum: json.checksum))
            }
        }
        // Unchanged partitions are named too, because older snapshots with their ends expire.
        let offsets = progress.mapValues { OffsetSpan(from: $0, to: $0) }
            .merging(covered(by: segments)) { $1 }
        files.summary = [Mark.generation: "\(generation)", Mark.offsets: Mark.text(offsets: offsets)]
        return Intent(
            commitID: context.commitID, table: .raw, tableName: context.tableName, generation: generation,
            offsets: offsets, rowsAdded: segments.reduce(0) { $0 + $1.rows }, rowsDeleted: 0,
            epoch: context.epoch, work: .segments(segments.map(\.name), files))
    }

    /// The offsets of all segments. Segments follow one another without a gap, so their spans join.
    package static func covered(by segments: [Segment]) -> [PartitionID: OffsetSpan] {
        var spans: [PartitionID: OffsetSpan] = [:]
        for segment in segments {
            for (partition, span) in segment.offsets {
                let from = min(spans[partition]?.from ?? span.from, span.from)
                spans[partition] = OffsetSpan(from: from, to: max(spans[partition]?.to ?? span.to, span.to))
            }
        }
        return spans
    }
}
