// Numbers of snapshot summaries: those that this program cannot have written are not used, and are named.

import Base
import Iceberg
import Testing

@testable import Tables

@Suite struct SnapshotNumbersTests {
    private static let whole = [
        "pageviews.commit-id": "a", "pageviews.generation": "7", "pageviews.watermark": "1611662684000",
        "pageviews.watermark-delay-ms": "5000", "pageviews.backfilled": "3", "pageviews.offsets": "{\"0\":[0,9]}",
        "pageviews.watermarks": "{\"0\":1611662684000}", "pageviews.first-offsets": "{\"0\":3,\"12\":0}",
    ]

    private static func snapshot(_ summary: [String: String]) -> Snapshot {
        Snapshot(
            id: 1, parentID: nil, sequenceNumber: 1, timestampMilliseconds: 1, manifestList: "list", operation: .append,
            summary: summary, schemaID: 0)
    }

    @Test func `numbers in their ranges are read`() {
        let read = Self.snapshot(Self.whole)
        #expect(read.impossibleMark == nil)
        #expect(read.generation == 7 && read.watermark == EventTime(milliseconds: 1_611_662_684_000))
        #expect(read.watermarkDelay == 5000 && [read].backfilled == 3)
        #expect(read.partitionWatermarks == [0: EventTime(milliseconds: 1_611_662_684_000)])
        #expect(read.firstOffsets == [0: 3, 12: 0])
        #expect(Mark.text(firstOffsets: [12: 0, 0: 3]) == Self.whole["pageviews.first-offsets"])
    }

    @Test(arguments: [
        ("pageviews.generation", "-5"), ("pageviews.generation", "9223372036854775807"), ("pageviews.generation", "x"),
        ("pageviews.watermark", "9223372036854775807"), ("pageviews.watermark-delay-ms", "-9223372036854775808"),
        ("pageviews.backfilled", "9223372036854775807"), ("pageviews.backfilled", "-1"),
        ("pageviews.offsets", "{\"0\":[0,9223372036854775807]}"), ("pageviews.offsets", "{\"0\":[0]}"),
        ("pageviews.watermarks", "{\"0\":9223372036854775807}"), ("pageviews.watermarks", "{\"-1\":1}"),
        ("pageviews.first-offsets", "{\"0\":-1}"), ("pageviews.first-offsets", "[0]"),
    ])
    func `an impossible number is named and not used`(key: String, value: String) {
        let read = Self.snapshot(Self.whole.merging([key: value]) { $1 })
        #expect(read.impossibleMark == "\(key)=\(value)")
        switch key {
        case "pageviews.generation": #expect(read.generation == nil)
        case "pageviews.watermark": #expect(read.watermark == nil)
        case "pageviews.watermark-delay-ms": #expect(read.watermarkDelay == nil)
        case "pageviews.backfilled": #expect([read].backfilled == nil)
        case "pageviews.offsets": #expect(read.addedOffsets == nil)
        case "pageviews.first-offsets": #expect(read.firstOffsets == nil)
        default: #expect(read.partitionWatermarks.isEmpty)
        }
    }

    @Test func `a snapshot whose offsets a later one counts again is not compared`() {
        func history(_ spans: [String]) -> [Snapshot] { spans.map { Self.snapshot(["pageviews.offsets": $0]) } }
        func ends(_ spans: [String], below limit: KafkaOffset) -> [PartitionID: KafkaOffset]? {
            history(spans).newestCounted { $0.values.allSatisfy { $0 <= limit } }?.ends
        }
        let plain = ["{\"0\":[12,20]}", "{\"0\":[5,12]}", "{\"0\":[0,5]}"]
        #expect(ends(plain, below: 20) == [0: 20])
        #expect(ends(plain, below: 12) == [0: 12])
        // A state that was restored at offset 5 has counted 5 to 11 again.
        let again = ["{\"0\":[5,20]}", "{\"0\":[5,12]}", "{\"0\":[0,5]}"]
        #expect(ends(again, below: 20) == [0: 20])
        #expect(ends(again, below: 12) == [0: 5])
        #expect(ends(again, below: 4) == nil)
    }

    @Test func `a snapshot of another program has no marks of ours`() {
        #expect(Self.snapshot(["pageviews.generation": "-5"]).impossibleMark == nil)
    }
}
