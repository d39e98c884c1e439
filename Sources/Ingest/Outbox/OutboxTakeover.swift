// Starts a publisher: it fences its predecessor, appends a mark after everything sent, and reads the topic back to that
// mark.
//
// The takeover guarantees that everything read back is on all replicas, and that a row not in the topic at the end is
// no longer under way. A fenced predecessor may still be about to send a batch after its last ownership check, without
// a trace in the state or the topic. Therefore reading always ends with a quiet time without records of this source.
// docs/adr/0021 has the argument, and the consequences of a broker without visible marks.

import State
import Base
import Kafka
import Log

/// The result of a takeover.
struct OutboxTakeover {
    /// The connection that sends the rows.
    let connection: OutboxConnection
    /// Holds the publisher's identity.
    let fence: any OutboxFence
    /// Start of the last claim of the identity, on the monotonic clock in milliseconds.
    let claimedAt: Int64
    /// Below these offsets of the topic every row of this state is marked.
    let offsets: [PartitionID: KafkaOffset]
    /// The records of other publishers; nil when there are none.
    let sentBefore: SentBefore?
}

/// Takes over a topic.
struct TakeoverOperation {
    let context: OutboxContext
    let stateID: String
    /// Maximum wait for a quiet time, as a multiple of it, while other publishers continuously send events of this
    /// source.
    private static let longestQuiet: Int64 = 5
    private var settings: OutboxSettings { context.settings }

    init(_ context: OutboxContext, stateID: String) { (self.context, self.stateID) = (context, stateID) }

    /// Fences, marks and reads back, and marks the rows that were found.
    /// - Throws: `KafkaError`, `OutboxStopped`, `SQLiteError`.
    func run() throws -> OutboxTakeover {
        let reader = try context.cluster.reader(
            settings.kafka + [
                ("group.id", settings.group), ("isolation.level", "read_uncommitted"),
                ("queued.max.messages.kbytes", "16384"),
                // A request waits behind a fetch of the same broker.
                ("fetch.wait.max.ms", "20"),
            ])
        do {
            return try run(reader)
        } catch let error as KafkaError where error.isConnection {
            // A refused login, if the client reported one: "timed out" hides it.
            throw reader.takeErrors().last(where: \.isAuthentication) ?? error
        }
    }

    private func run(_ reader: any OutboxReader) throws -> OutboxTakeover {
        let partitions = try topicPartitions(reader)
        // Made early, because a producer needs about a second before it can send.
        let connection = try OutboxConnection(
            context, stateID: stateID, partitions: partitions, maximumBatchBytes: maximumBatchBytes(reader))
        var (fence, claimedAt) = try claim()
        let began = try context.state { store in
            (
                known: try store.outboxOffsets(settings.name, topic: settings.topic),
                restored: try store.restoredOffsets(settings.name)
            )
        }
        if began.restored != nil {
            context.log.info("looking for events in topic \(settings.topic) that another state has published")
        }
        let ranges = try offsetRanges(reader, partitions)
        let tail = try TopicTail(
            context, reader, from: start(ranges, known: began.known, isRestored: began.restored != nil),
            stateID: stateID, sentBefore: began.restored.map { SentBefore(restored: $0) })
        var before = ranges.mapValues(\.high)
        var deadline: Int64?
        while true {
            (fence, claimedAt) = try mark(fence, reader, tail, before: before)
            // A record after the deadline is not from a fenced publisher: its ownership check would be too old.
            let end = deadline ?? context.time.monotonic() + Self.longestQuiet * settings.quietMilliseconds
            deadline = end
            guard try tail.readUntilQuiet(settings.quietMilliseconds, deadline: end) else { break }
            // A record was still under way: mark again, after it.
            before = tail.next
        }
        try book(tail)
        return OutboxTakeover(
            connection: connection, fence: fence, claimedAt: claimedAt, offsets: tail.next,
            sentBefore: tail.sentBefore)
    }

    private func book(_ tail: TopicTail) throws {
        let now = context.time.wall()
        try context.state {
            if !tail.foreignStates.isEmpty { try $0.noteForeignPublisher(settings.name) }
            try $0.markFound(settings.name, tail.found, offsets: tail.next, now: now)
        }
        guard !tail.foreignStates.isEmpty else { return }
        context.log.warning(
            """
            topic \(settings.topic) has events of topic \(settings.sourceTopic) that another state published \
            (\(tail.foreignStates.sorted().joined(separator: ", "))); those are not published again
            """)
    }

    // MARK: The topic

    /// The topic's number of partitions. Creates the topic when it is missing; asking does not create it.
    private func topicPartitions(_ reader: any OutboxReader) throws -> Int {
        var isCreated = false
        while true {
            do {
                context.neededRight = "DESCRIBE"
                let count = try reader.partitionCount(
                    of: settings.topic, timeoutMilliseconds: context.limit(3000))
                if isCreated {
                    context.log.info(
                        "created topic \(settings.topic) with \(count) partitions",
                        metadata: ["partitions": .stringConvertible(count)])
                }
                return count
            } catch let error as KafkaError where error.isUnknownTopic {
                try context.checkTime()
                guard !isCreated else {
                    // Brokers learn of a new topic one after the other.
                    context.rest(100)
                    continue
                }
                context.neededRight = "CREATE"
                // Another client may have created it first, with another number of partitions.
                isCreated = try reader.createTopic(
                    settings.topic, partitions: settings.newTopicPartitions,
                    timeoutMilliseconds: context.limit(10_000)
                ).isNew
            }
        }
    }

    private func offsetRanges(_ reader: any OutboxReader, _ partitions: Int) throws -> [PartitionID: OffsetRange] {
        var ranges: [PartitionID: OffsetRange] = [:]
        for partition in PartitionID.all(count: partitions) {
            try context.checkTime()
            ranges[partition] = try reader.offsets(
                of: settings.topic, partition: partition, timeoutMilliseconds: context.limit(3000))
        }
        return ranges
    }

    /// The offsets at which reading back starts.
    private func start(
        _ ranges: [PartitionID: OffsetRange], known: [PartitionID: KafkaOffset]?, isRestored: Bool
    ) -> [PartitionID: KafkaOffset] {
        ranges.reduce(into: [:]) { start, entry in
            let (partition, range) = entry
            // A new partition is read from its start, and so is one without the known offset: the offset has expired,
            // or the topic was created again. A topic that is new to this state may have another state's events.
            guard !isRestored, let offset = known?[partition], offset >= range.low, offset <= range.high else {
                start[partition] = range.low
                return
            }
            start[partition] = offset
        }
    }

    private func maximumBatchBytes(_ reader: any OutboxReader) -> Int? {
        // Reading the setting needs an additional right, which is optional.
        let text = try? reader.configuration(
            of: settings.topic, "max.message.bytes", timeoutMilliseconds: context.limit(2000))
        return text.flatMap { $0 }.flatMap { Int($0) }
    }

    // MARK: The fence

    /// Claims the identity from its current holder.
    /// - Returns: the new holder, and the start of the claim on the monotonic clock in milliseconds.
    private func claim() throws -> (any OutboxFence, Int64) {
        let fence = try context.cluster.fence(settings.kafka, id: settings.transactionalID)
        let began = context.time.monotonic()
        while true {
            try context.checkTime()
            do {
                try fence.claim(timeoutMilliseconds: context.limit(1000))
                return (fence, began)
            } catch let error as KafkaError where error.isRetriable {
                if let cause = fence.takeErrors().last(where: \.isAuthentication) { throw cause }
                guard context.time.monotonic() - began > 5000 else { continue }
                context.complain(
                    "topic \(settings.topic) at \(settings.bootstrapServers): the earlier publisher's requests are not "
                        + "settled on all replicas yet; waiting for it")
            }
        }
    }

    /// Appends a mark after everything in the topic and reads up to it.
    /// - Parameter before: the ends (exclusive) of the partitions before the mark.
    /// - Returns: the identity, claimed again, and the start of that claim. The claim succeeds only once the mark is on
    ///   all replicas.
    private func mark(
        _ fence: any OutboxFence, _ reader: any OutboxReader, _ tail: TopicTail, before: [PartitionID: KafkaOffset]
    ) throws -> (any OutboxFence, Int64) {
        var claimed = (fence, context.time.monotonic())
        var marks = 0
        for _ in 0..<5 where marks < 2 {
            let isMarked = try mark(claimed.0, before.keys.sorted())
            claimed = try claim()
            context.neededRight = "READ"
            try tail.read(to: try offsetRanges(reader, before.count).mapValues(\.high))
            if before.allSatisfy({ tail.lastGap[$0.key] ?? -1 >= $0.value }) { return claimed }
            if isMarked { marks += 1 }
        }
        // The broker writes no control batches for a transaction without records.
        context.log.debug("topic \(settings.topic): the broker's marks cannot be seen; trusting the high watermark")
        return claimed
    }

    private func mark(_ fence: any OutboxFence, _ partitions: [PartitionID]) throws -> Bool {
        do {
            context.neededRight = "WRITE"
            return try fence.mark(
                topic: settings.topic, partitions: partitions, timeoutMilliseconds: context.limit(3000))
        } catch let error as KafkaError where error.isRetriable {
            // The next claim ends the open transaction.
            return false
        }
    }
}
