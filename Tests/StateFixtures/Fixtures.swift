// States and flushes that several test targets use.

package import Base
package import State
package import Windowing

/// 2021-01-26T12:04:00Z in milliseconds, a multiple of a window of one minute.
package let base: Int64 = 1_611_662_640_000

/// The start of the window at this number of milliseconds since the Unix epoch.
package func window(_ milliseconds: Int64) -> WindowStart { WindowStart(seconds: milliseconds / 1000) }

package func settings(window: Int64 = 60_000) throws -> WindowSettings {
    try WindowSettings(windowMilliseconds: window)
}

package func openStore(_ path: String, holder: String = "a test", window: Int64 = 60_000) throws -> Store {
    try Store(path: path, settings: try settings(window: window), holder: holder)
}

/// A flush that has only counts.
package func flush(_ counts: [(window: Int64, postcode: String, count: Int64)]) -> Flush {
    let deltas = CountDeltas(seed: 1)
    for entry in counts {
        Array(entry.postcode.utf8).withUnsafeBytes {
            deltas.add(window: window(entry.window), postcode: $0, count: entry.count)
        }
    }
    return Flush(counts: deltas)
}

package func lateEvent(_ partition: PartitionID, _ offset: KafkaOffset) -> LateEvent {
    LateEvent(
        partition: partition, offset: offset, userID: 7, postcode: "E1", webpage: "w",
        eventTime: EventTime(rawValue: base * 1000 + 1_500_001), windowStart: window(base),
        latenessMilliseconds: 86_500_000,
        receivedAt: base + 90_000_123, payload: Array("{}".utf8))
}

package func rejectedEvent(_ partition: PartitionID, _ offset: KafkaOffset) -> RejectedEvent {
    RejectedEvent(
        partition: partition, offset: offset, reason: "not a JSON object", bytePosition: 3, excerpt: "[\\x00]",
        receivedAt: base + 90_000_000)
}

/// A flush that writes to every table.
package func fullFlush(_ offset: KafkaOffset) -> Flush {
    var full = flush([(base, "E1", 2), (base + 60_000, "N1", 1)])
    full.late = [lateEvent(0, offset)]
    full.rejected = [rejectedEvent(0, offset + 1)]
    full.incidents = [Incident(kind: "missing-offsets", detail: "offsets 1 to 2")]
    var progress = PartitionProgress(partition: 0, nextOffset: 0)
    progress.nextOffset = offset + 5
    progress.counted = 3
    full.partitions = [progress]
    full.watermark = EventTime(milliseconds: base)
    full.finalBefore = window(base)
    return full
}
