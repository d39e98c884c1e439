// The interface through which the ingest half writes raw events to segments for the exporter. Commands implements it
// with the exporter's segment writer.

package import Base
package import State

/// A valid event and its message. All bytes are borrowed and valid only during the call.
package struct RawEvent {
    /// The user; nil when the event names none.
    package let userID: Int64?
    /// The postcode, UTF-8.
    package let postcode: UnsafeRawBufferPointer
    /// The page, UTF-8; nil when the event names none.
    package let webpage: UnsafeRawBufferPointer?
    /// The event time.
    package let time: EventTime
    /// The record's partition.
    package let partition: PartitionID
    /// The record's offset.
    package let offset: KafkaOffset
    /// The event was late when it was consumed.
    package let isLate: Bool
    /// The message, unchanged.
    package let payload: UnsafeRawBufferPointer
}

/// Keeps raw events in segments. Used by one thread.
package protocol RawSink: AnyObject {
    /// Appends an event to the open segment, and opens one when there is none.
    /// - Parameter now: the wall clock, milliseconds since the Unix epoch.
    /// - Returns: false when the segment must be closed before the event fits.
    /// - Throws: when writing fails; the open segment is then lost, and the caller must call `discard`.
    func append(_ event: RawEvent, now: Int64) throws -> Bool

    /// The open segment has reached the size or age at which it is closed.
    func isDue(now: Int64) -> Bool

    /// Completes the open segment. Its files are durable when this returns.
    /// - Parameter offsets: the offsets that it covers, by partition.
    /// - Returns: nil when there is no open segment.
    /// - Throws: like `append`.
    func close(covering offsets: [PartitionID: OffsetSpan]) throws -> Segment?

    /// Drops the open segment and its files.
    func discard()

    /// Whether all files of a closed segment exist.
    func isComplete(_ segment: Segment) -> Bool

    /// Removes files of dropped segments.
    func remove(_ names: [String])

    /// Whether the spool has reached its budget.
    /// - Parameter backlogBytes: the bytes of closed segments.
    func isFull(backlogBytes: Int64) -> Bool
}
