// Reads back the end of a topic: which of our records it has from given offsets on.

internal import Base
internal import Kafka

/// The records found at the end of a topic.
struct TopicTail {
    /// Our numbers found, in any order.
    var numbers: Set<Int64> = []
    /// The end of each partition.
    var ends: [Int32: Int64]
    /// What a lost state has sent; nil where none was lost.
    var sentBefore: SentBefore?

    /// Reads from `offsets` until every partition's end was seen and nothing came for `quietMilliseconds`.
    /// - Parameter sentBefore: takes note of the origins of our records.
    /// - Returns: nil when it was stopped before.
    /// - Throws: `KafkaError` when a partition cannot be read.
    static func read(
        _ settings: OutboxSettings, from offsets: [Int32: Int64], stateID: String, sentBefore: SentBefore?,
        time: TimeSource, mayContinue: () -> Bool
    ) throws -> TopicTail? {
        let consumer = try Consumer(
            settings: settings.kafka + [("group.id", "pageviews-outbox"), ("isolation.level", "read_uncommitted")],
            batchCapacity: 1000
        ) { _ in }
        let positions = offsets.map { Position(partition: $0.key, offset: $0.value) }
        try consumer.assign(topic: settings.topic, positions)
        var tail = TopicTail(ends: offsets, sentBefore: sentBefore)
        var open = Set(offsets.keys)
        var lastNews = time.monotonic()
        while !open.isEmpty || time.monotonic() - lastNews < settings.quietMilliseconds {
            guard mayContinue() else { return nil }
            let (headers, notices) = consumer.pollHeaders(named: OutboxHeader.name, timeoutMilliseconds: 100)
            if !headers.isEmpty { lastNews = time.monotonic() }
            for header in headers {
                tail.ends[header.partition] = max(tail.ends[header.partition] ?? 0, header.offset + 1)
                guard let number = OutboxHeader.number(in: header.value, stateID: stateID) else { continue }
                tail.numbers.insert(number)
                tail.sentBefore?.note(key: header.key)
            }
            for notice in notices { try tail.take(notice, &open) }
        }
        return tail
    }

    private mutating func take(_ notice: Notice, _ open: inout Set<Int32>) throws {
        switch notice {
        case .endOfPartition(let partition, _): open.remove(partition)
        case .partitionFailed(_, _, let error): throw error
        case .failed: break
        }
    }
}
