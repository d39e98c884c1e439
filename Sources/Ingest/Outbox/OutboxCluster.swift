// The target cluster as a publisher uses it. librdkafka implements it, and so does the simulation (Tests/Simulation).

package import Base
package import Kafka

/// Reads a topic back and asks about it, as `Kafka.Consumer` does. Used by one thread.
package protocol OutboxReader: AnyObject {
    /// Reads these partitions from these offsets, and no others.
    func assign(topic: String, _ positions: [Position]) throws

    /// Waits for records and returns full copies, with the notices received.
    func pollCopies(timeoutMilliseconds: Int32) -> (messages: [Message], notices: [Notice])

    /// The errors since the last poll.
    func takeErrors() -> [KafkaError]

    /// The number of partitions of a topic. Asking does not create the topic.
    /// - Throws: `KafkaError`.
    func partitionCount(of topic: String, timeoutMilliseconds: Int32) throws -> Int

    /// The offsets that a partition has.
    /// - Throws: `KafkaError`.
    func offsets(of topic: String, partition: PartitionID, timeoutMilliseconds: Int32) throws -> OffsetRange

    /// Creates a topic. An existing topic is not changed.
    /// - Throws: `KafkaError`.
    func createTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws -> CreatedTopic

    /// A setting of a topic; nil when the broker does not report it.
    /// - Throws: `KafkaError`.
    func configuration(of topic: String, _ name: String, timeoutMilliseconds: Int32) throws -> String?
}

/// Holds a publisher's identity, as `Kafka.PublisherFence` does. Used by one thread.
package protocol OutboxFence: AnyObject {
    /// Fences the earlier owner and waits until its transaction is complete on all replicas.
    /// - Throws: `KafkaError`; a retriable one when the call may be repeated.
    func claim(timeoutMilliseconds: Int32) throws

    /// Appends a mark, which no consumer sees, to each partition.
    /// - Returns: whether all partitions have it.
    /// - Throws: `KafkaError`; a fenced one when another publisher has the identity.
    func mark(topic: String, partitions: [PartitionID], timeoutMilliseconds: Int32) throws -> Bool

    /// The errors since the last call.
    func takeErrors() -> [KafkaError]
}

/// Sends records, as `Kafka.Producer` does. Used by one thread.
package protocol OutboxProducer: AnyObject {
    /// Puts one record into the local send queue.
    /// - Throws: `KafkaError` when the queue is full or the record is refused.
    func send(topic: String, partition: PartitionID, value: UnsafeRawBufferPointer, envelope: Envelope, tag: Int) throws

    /// Serves delivery reports for up to `timeoutMilliseconds`.
    func poll(timeoutMilliseconds: Int32)

    /// Waits until every record was delivered or failed.
    /// - Returns: whether the queue is empty.
    func flush(timeoutMilliseconds: Int32) -> Bool

    /// Drops the records that were not acknowledged.
    func purge()

    /// The errors since the last call.
    func takeErrors() -> [KafkaError]
}

extension Consumer: OutboxReader {}
extension PublisherFence: OutboxFence {}
extension Producer: OutboxProducer {}

/// Makes a publisher's connections. Each call throws `KafkaError` for a setting that is refused.
package protocol OutboxCluster: Sendable {
    /// A reader that also sees records of aborted transactions.
    func reader(_ settings: [(String, String)]) throws -> any OutboxReader

    /// An identity that is not claimed yet.
    func fence(_ settings: [(String, String)], id: String) throws -> any OutboxFence

    /// A producer.
    /// - Parameter delivered: called by `poll` and `flush` for each record that was sent.
    func producer(
        _ settings: [(String, String)], delivered: @escaping (Delivery) -> Void
    ) throws -> any OutboxProducer
}

/// The cluster that librdkafka reaches.
package struct KafkaCluster: OutboxCluster {
    /// A cluster whose addresses are in each call's settings.
    package init() {}

    package func reader(_ settings: [(String, String)]) throws -> any OutboxReader {
        try Consumer(settings: settings, batchCapacity: 1000) { _ in }
    }

    package func fence(_ settings: [(String, String)], id: String) throws -> any OutboxFence {
        try PublisherFence(settings: settings, id: id)
    }

    package func producer(
        _ settings: [(String, String)], delivered: @escaping (Delivery) -> Void
    ) throws -> any OutboxProducer {
        try Producer(settings: settings, resetsSockets: true, log: { _ in }, delivered: delivered)
    }
}
