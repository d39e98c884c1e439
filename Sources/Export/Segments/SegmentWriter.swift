// Writes raw events to local segments: a Parquet file for each day of their event times, and the messages as compressed
// JSON lines.
//
// One thread uses it. A segment's files are complete and synced when `close` returns, and unusable before. `init`
// removes the files that no waiting segment names.

package import Base
import Compression
import Parquet
package import State

/// Writes segments into the spool folder.
package final class SegmentWriter {
    private let settings: ExportSettings
    private let makeName: () -> String
    private var open: OpenSegment?
    /// Maximum number of days in a segment. It bounds open files and memory.
    private static let mostDays = 32

    /// Creates the spool folder if it is missing, and removes files that no waiting segment names.
    /// - Parameters:
    ///   - keep: the names of the files to keep.
    ///   - makeName: returns a new unique name for each segment.
    /// - Throws: Foundation's error when the folder cannot be created or listed.
    package init(settings: ExportSettings, keep: Set<String>, makeName: @escaping () -> String) throws {
        self.settings = settings
        self.makeName = makeName
        try SpoolFile.removeLeftovers(in: settings.spoolFolder, prefixes: ["raw-"], keep: keep)
    }

    /// Appends an event to the open segment, and opens one when there is none. Bytes are borrowed.
    /// - Parameter now: the wall clock, milliseconds since the Unix epoch.
    /// - Returns: false when the segment must be closed before the event fits.
    /// - Throws: `SpoolError` when writing fails; the caller must then call `discard`.
    package func append(
        userID: Int64?, postcode: UnsafeRawBufferPointer, webpage: UnsafeRawBufferPointer?, time: EventTime,
        partition: PartitionID, offset: KafkaOffset, isLate: Bool, payload: UnsafeRawBufferPointer, now: Int64
    ) throws -> Bool {
        let segment = try self.segment(now: now)
        let day = Int(time.rawValue / 86_400_000_000)
        guard segment.arrivalDay == Int(now / 86_400_000) else { return false }
        guard segment.hasDay(day) || segment.days < Self.mostDays else { return false }
        let file = try segment.file(ofDay: day)
        try file.append(
            userID: userID, postcode: postcode, webpage: webpage, time: time,
            partition: partition, offset: offset, isLate: isLate)
        try segment.json?.append(payload)
        segment.rows += 1
        return true
    }

    private func segment(now: Int64) throws -> OpenSegment {
        if let open { return open }
        let made = try OpenSegment(name: makeName(), settings: settings, now: now)
        open = made
        return made
    }

    /// The open segment has reached the size or age at which it is closed.
    package func isDue(now: Int64) -> Bool {
        guard let open, open.rows > 0 else { return false }
        return now - open.openedAt >= settings.intervalMilliseconds || open.bytes >= settings.segmentBytes
    }

    /// Completes the open segment.
    /// - Returns: nil when there is none.
    /// - Throws: `SpoolError` when writing fails; the caller must then call `discard`.
    package func close(covering offsets: [PartitionID: OffsetSpan]) throws -> Segment? {
        guard let segment = open, segment.rows > 0 else { return nil }
        let closed = try segment.finish(covering: offsets)
        open = nil
        return closed
    }

    /// Drops the open segment and its files.
    package func discard() {
        open?.remove()
        open = nil
    }

    /// Whether all files of a closed segment exist with their sizes. Sets truncated files aside.
    package func isComplete(_ segment: Segment) -> Bool {
        _ = WaitingSegments.setAsideTruncated(segment, in: settings)
        return WaitingSegments.missing(of: segment, in: settings) == nil
    }

    /// Removes files of the spool.
    package func remove(_ names: [String]) {
        for name in names { SpoolFile.remove("\(settings.spoolFolder)/\(name)") }
    }

    /// Whether the spool has reached its budget.
    /// - Parameter backlogBytes: the bytes of closed segments.
    package func isFull(backlogBytes: Int64) -> Bool { backlogBytes >= settings.spoolBudgetBytes }
}
