// Reads assigned partitions in batches.
//
// One thread uses a consumer (it is not `Sendable`). The bytes of a batch are valid until `poll`'s body returns. The
// caller assigns partitions and offsets: a consumer joins no group, and commits the group's offsets only for lag tools.
// librdkafka never resets an offset: auto.offset.reset is `error`, and `ReservedSettings` rejects the user's setting.

package import Base
import CRdKafka

/// One record of a batch. Its bytes are borrowed from librdkafka.
@frozen
package struct Record {
    /// The record's partition.
    package let partition: PartitionID
    /// The record's offset.
    package let offset: KafkaOffset
    /// The value; an empty buffer for an empty value.
    package let payload: UnsafeRawBufferPointer
    /// The value is null (a tombstone), not merely empty.
    package let isTombstone: Bool
    /// `message` is a `RecordDetails`, not librdkafka's.
    let hasDetails: Bool
    /// librdkafka's message or `RecordDetails`, for properties that are read on request (`copyEnvelope`, `fingerprint`).
    @usableFromInline let message: UnsafeMutableRawPointer?

    init(
        partition: PartitionID, offset: KafkaOffset, payload: UnsafeRawBufferPointer, isTombstone: Bool,
        message: UnsafeMutableRawPointer? = nil
    ) {
        self.partition = partition
        self.offset = offset
        self.payload = payload
        self.isTombstone = isTombstone
        self.message = message
        hasDetails = false
    }

    /// A record from another source than librdkafka. `details` has to outlive it.
    package init(
        partition: PartitionID, offset: KafkaOffset, payload: UnsafeRawBufferPointer, isTombstone: Bool,
        details: UnsafeMutablePointer<RecordDetails>
    ) {
        self.partition = partition
        self.offset = offset
        self.payload = payload
        self.isTombstone = isTombstone
        message = UnsafeMutableRawPointer(details)
        hasDetails = true
    }
}

/// What is only read on request of a record that did not come from librdkafka.
package struct RecordDetails: Sendable {
    /// Key, headers and timestamp.
    package var envelope: Envelope
    /// The epoch of the leader that appended it; nil when it is not known.
    package var leaderEpoch: Int32?

    /// Makes details.
    package init(envelope: Envelope = Envelope(), leaderEpoch: Int32? = nil) {
        (self.envelope, self.leaderEpoch) = (envelope, leaderEpoch)
    }
}

/// An event in a batch other than a record.
package enum Notice: Equatable, Sendable {
    /// All records before `offset` were delivered, and the partition has none at `offset` yet.
    case endOfPartition(partition: PartitionID, offset: KafkaOffset)
    /// A partition cannot be read.
    case partitionFailed(partition: PartitionID, offset: KafkaOffset, KafkaError)
    /// An error of the client as a whole; librdkafka keeps retrying unless the error is fatal.
    case failed(KafkaError)
}

/// A partition and the offset to read next.
package struct Position: Equatable, Sendable {
    /// The partition's number.
    package let partition: PartitionID
    /// The next offset.
    package let offset: KafkaOffset
    /// The epoch of the leader that appended the record before `offset`, to detect a truncated log (KIP-320).
    package let leaderEpoch: Int32?

    /// Makes a position.
    package init(partition: PartitionID, offset: KafkaOffset, leaderEpoch: Int32? = nil) {
        self.partition = partition
        self.offset = offset
        self.leaderEpoch = leaderEpoch
    }
}

/// The partitions of a topic as the cluster describes them.
package struct TopicPartitions: Equatable, Sendable {
    /// The number of partitions; they are numbered from 0.
    package var count: Int
    /// The partitions that no broker serves, and why.
    package var faults: [PartitionID: KafkaError]
    /// The broker that leads each partition.
    package var leaders: [PartitionID: Int32] = [:]

    /// A description without leaders.
    package init(count: Int = 0, faults: [PartitionID: KafkaError] = [:]) {
        self.count = count
        self.faults = faults
    }
}

/// A consumer of explicitly assigned partitions.
package final class Consumer {
    let client: Client
    private let queue: OpaquePointer
    private let messages: UnsafeMutableBufferPointer<UnsafeMutablePointer<rd_kafka_message_t>?>
    private var records: [Record] = []

    /// Settings of every consumer, which the caller's settings override.
    private static let defaults: [(String, String)] = [
        ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"), ("enable.partition.eof", "true"),
        ("auto.offset.reset", "error"), ("allow.auto.create.topics", "false"),
        // Gives up a hanging broker after 6 s instead of a minute: its partitions may have moved meanwhile.
        ("socket.timeout.ms", "6000"), ("socket.connection.setup.timeout.ms", "6000"),
        ("topic.metadata.refresh.interval.ms", "10000"),
        // A fetch has to arrive within a request's timeout, also over a link of a few Mbit/s.
        ("fetch.max.bytes", "2097152"),
        // A full local queue makes librdkafka stop fetching for a second: bound it by bytes, not by messages.
        ("queued.min.messages", "1000000"), ("queued.max.messages.kbytes", "65536"),
        ("socket.keepalive.enable", "true"), ("reconnect.backoff.max.ms", "5000"),
    ]

    /// - Parameters:
    ///   - settings: librdkafka settings, later ones win; `bootstrap.servers` and `group.id` among them.
    ///   - batchCapacity: the maximum number of records in a batch.
    ///   - log: receives librdkafka's log lines, on any of its threads.
    /// - Throws: `KafkaError` for a setting that `ReservedSettings` or librdkafka rejects.
    package init(
        settings: [(String, String)], batchCapacity: Int = 10_000, log: @escaping @Sendable (KafkaLogLine) -> Void
    ) throws {
        try ReservedSettings.check(settings)
        client = try Client(RD_KAFKA_CONSUMER, settings: Self.defaults + settings, log: log)
        rd_kafka_poll_set_consumer(client.handle)
        queue = rd_kafka_queue_get_consumer(client.handle)
        messages = .allocate(capacity: batchCapacity)
        messages.initialize(repeating: nil)
        records.reserveCapacity(batchCapacity)
    }

    deinit {
        rd_kafka_queue_destroy(queue)
        messages.deallocate()
    }

    /// Assigns exactly these partitions, to be read from these offsets.
    /// - Throws: `KafkaError`.
    package func assign(topic: String, _ positions: [Position]) throws {
        let list = Self.list(topic, positions)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        let code = rd_kafka_assign(client.handle, list)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code) }
        // librdkafka checks an epoch with the leader only after a seek with the epoch, or after a change of leader.
        let known = Self.list(topic, positions.filter { $0.leaderEpoch != nil })
        defer { rd_kafka_topic_partition_list_destroy(known) }
        if let error = rd_kafka_seek_partitions(client.handle, known, 0) { rd_kafka_error_destroy(error) }
    }

    /// Pauses or resumes fetching assigned partitions, without losing their positions.
    package func setPaused(_ paused: Bool, topic: String, _ positions: [Position]) {
        let list = Self.list(topic, positions)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        _ =
            paused
            ? rd_kafka_pause_partitions(client.handle, list) : rd_kafka_resume_partitions(client.handle, list)
    }

    static func list(
        _ topic: String, _ positions: [Position]
    ) -> UnsafeMutablePointer<rd_kafka_topic_partition_list_t>? {
        let list = rd_kafka_topic_partition_list_new(Int32(clamping: positions.count))
        for position in positions {
            let entry = rd_kafka_topic_partition_list_add(list, topic, position.partition.rawValue)
            entry?.pointee.offset = position.offset.rawValue
            if let epoch = position.leaderEpoch { pv_rd_kafka_set_leader_epoch(entry, epoch) }
        }
        return list
    }

    /// Waits until a batch is full or the timeout expires, and passes it to `body`: the records, in order within each
    /// partition, and the notices. An end of a partition may precede records of the same batch: compare its offset.
    /// - Throws: what `body` throws. The records are freed in any case.
    package func poll<Result>(
        timeoutMilliseconds: Int32, _ body: (UnsafeBufferPointer<Record>, [Notice]) throws -> Result
    ) rethrows -> Result {
        let count = receive(timeoutMilliseconds)
        defer { free(count) }
        records.removeAll(keepingCapacity: true)
        let notices = sort(count) { records.append(Self.record($0)) }
        return try records.withUnsafeBufferPointer { try body($0, notices) }
    }

    /// As `poll`, message by message, for uses outside the event path.
    func pollMessages(
        timeoutMilliseconds: Int32, _ body: (UnsafeMutablePointer<rd_kafka_message_t>) -> Void
    ) -> [Notice] {
        let count = receive(timeoutMilliseconds)
        defer { free(count) }
        return sort(count, body)
    }

    private func receive(_ timeoutMilliseconds: Int32) -> Int {
        max(0, rd_kafka_consume_batch_queue(queue, timeoutMilliseconds, messages.baseAddress, messages.count))
    }

    private func free(_ count: Int) {
        for index in 0..<count { rd_kafka_message_destroy(messages[index]) }
    }

    /// Passes records to `body` and turns everything else into notices.
    @inline(__always)
    private func sort(_ count: Int, _ body: (UnsafeMutablePointer<rd_kafka_message_t>) -> Void) -> [Notice] {
        var notices: [Notice] = []
        for index in 0..<count {
            guard let message = messages[index] else { continue }
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                body(message)
            } else {
                notices.append(Self.notice(message.pointee))
            }
        }
        return notices + client.callbacks.takeErrors().map { Notice.failed($0) }
    }

    @inline(__always)
    private static func record(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> Record {
        let payload = UnsafeRawBufferPointer(start: message.pointee.payload, count: message.pointee.len)
        return Record(
            partition: PartitionID(rawValue: message.pointee.partition),
            offset: KafkaOffset(rawValue: message.pointee.offset), payload: payload,
            isTombstone: message.pointee.payload == nil, message: UnsafeMutableRawPointer(message))
    }

    private static func notice(_ message: rd_kafka_message_t) -> Notice {
        let partition = PartitionID(rawValue: message.partition)
        let offset = KafkaOffset(rawValue: message.offset)
        if message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF {
            return .endOfPartition(partition: partition, offset: offset)
        }
        let bytes = UnsafeRawBufferPointer(start: message.payload, count: message.payload == nil ? 0 : message.len)
        let text = bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
        let error = KafkaError(message.err, text)
        return message.rkt == nil
            ? .failed(error) : .partitionFailed(partition: partition, offset: offset, error)
    }

    /// The id of the cluster; nil when no broker answers in time.
    package func clusterID(timeoutMilliseconds: Int32) -> String? {
        client.clusterID(timeoutMilliseconds: timeoutMilliseconds)
    }

    /// The number of partitions of a topic.
    /// - Throws: `KafkaError`: `isUnknownTopic`, or no broker answered in time.
    package func partitionCount(of topic: String, timeoutMilliseconds: Int32) throws -> Int {
        try client.partitionCounts(of: topic, timeoutMilliseconds: timeoutMilliseconds)[topic] ?? 0
    }

    /// A topic's partitions, and the errors that the cluster reports for them.
    /// - Throws: `KafkaError`: `isUnknownTopic`, or no broker answered in time.
    package func partitions(of topic: String, timeoutMilliseconds: Int32) throws -> TopicPartitions {
        try client.partitions(of: topic, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// The range of offsets of a partition, from its leader.
    /// - Throws: `KafkaError`.
    package func offsets(of topic: String, partition: PartitionID, timeoutMilliseconds: Int32) throws -> OffsetRange {
        try client.offsets(of: topic, partition: partition, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// The errors since the last batch. Drops records that were fetched meanwhile.
    package func takeErrors() -> [KafkaError] {
        free(receive(0))
        return client.callbacks.takeErrors()
    }

    /// The end (exclusive) of a partition as of the last fetch response; nil before one.
    package func cachedHighWatermark(of topic: String, partition: PartitionID) -> KafkaOffset? {
        var low: Int64 = 0
        var high: Int64 = 0
        let code = rd_kafka_get_watermark_offsets(client.handle, topic, partition.rawValue, &low, &high)
        return code == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? KafkaOffset(rawValue: high) : nil
    }
}
