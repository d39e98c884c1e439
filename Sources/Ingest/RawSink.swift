// Where every valid event goes besides the counts: a segment that is exported later. The exporter's side implements it; the
// two meet in the executable.

package import Base
package import State

/// A valid event with its message. All bytes are borrowed and valid only during the call.
package struct RawEvent {
    /// The user, where the event names one.
    package let userID: Int64?
    /// The postcode.
    package let postcode: UnsafeRawBufferPointer
    /// The page, where the event names one.
    package let webpage: UnsafeRawBufferPointer?
    /// When it happened.
    package let time: EventTime
    /// The record's partition.
    package let partition: PartitionID
    /// The record's offset.
    package let offset: KafkaOffset
    /// It was late when it came.
    package let isLate: Bool
    /// The message, unchanged.
    package let payload: UnsafeRawBufferPointer
}

/// Keeps raw events in segments. Used by one thread.
package protocol RawSink: AnyObject {
    /// Adds an event to the open segment, beginning one when there is none.
    /// - Returns: false when the segment has to be closed before it can be taken.
    /// - Throws: when the disk refuses; the open segment is lost then, and `discard` has to be called.
    func append(_ event: RawEvent, now: Int64) throws -> Bool

    /// The open segment should be closed, by size or age.
    func isDue(now: Int64) -> Bool

    /// Completes the open segment: its files are on the disk when this returns.
    /// - Parameter offsets: what it covers.
    /// - Returns: nil when there is no open segment.
    /// - Throws: like `append`.
    func close(covering offsets: [PartitionID: OffsetSpan]) throws -> Segment?

    /// Drops the open segment and its files.
    func discard()

    /// Whether all files of a closed segment are there.
    func isComplete(_ segment: Segment) -> Bool

    /// Removes files of segments that were dropped.
    func remove(_ names: [String])

    /// The spool has no room for more until something was exported.
    /// - Parameter backlogBytes: the bytes of closed segments.
    func isFull(backlogBytes: Int64) -> Bool
}
