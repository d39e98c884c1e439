// The target's cluster as a publisher uses it. librdkafka implements it; the simulation (Tests/Simulation) does too.

package import Base
package import Kafka

/// Reads a topic back, and asks about it, as `Kafka.Consumer` does. Used by one thread.
package protocol OutboxReader: AnyObject {
    /// Reads these partitions from these offsets, and no others.
    func assign(topic: String, _ positions: [Position]) throws

    /// Waits for records and copies them whole.
    func pollCopies(timeoutMilliseconds: Int32) -> (messages: [Message], notices: [Notice])

    /// The errors since the last poll.
    func takeErrors() -> [KafkaError]

    /// The number of partitions of a topic; asking does not create it.
    func partitionCount(of topic: String, timeoutMilliseconds: Int32) throws -> Int

    /// The offsets that a partition has.
    func offsets(of topic: String, partition: PartitionID, timeoutMilliseconds: Int32) throws -> OffsetRange

    /// Creates a topic; one that exists is left as it is.
    func createTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws -> CreatedTopic

    /// A setting of a topic; nil when the broker does not name it.
    func configuration(of topic: String, _ name: String, timeoutMilliseconds: Int32) throws -> String?
}

/// Holds a publisher's identity, as `Kafka.PublisherFence` does. Used by one thread.
package protocol OutboxFence: AnyObject {
    /// Fences the earlier owner, and waits until its transaction is complete on all replicas.
    func claim(timeoutMilliseconds: Int32) throws

    /// Appends a mark to each partition that no consumer sees.
    /// - Returns: whether all partitions have it.
    func mark(topic: String, partitions: [PartitionID], timeoutMilliseconds: Int32) throws -> Bool

    /// The errors since the last call.
    func takeErrors() -> [KafkaError]
}

/// Sends records, as `Kafka.Producer` does. Used by one thread.
package protocol OutboxProducer: AnyObject {
    /// Puts one record into the local send queue.
    func send(topic: String, partition: PartitionID, value: UnsafeRawBufferPointer, envelope: Envelope, tag: Int) throws

    /// Serves delivery reports for up to `timeoutMilliseconds`.
    func poll(timeoutMilliseconds: Int32)

    /// Waits until every record was delivered or failed.
    /// - Returns: whether the queue is empty.
    func flush(timeoutMilliseconds: Int32) -> Bool

    /// Drops what was not acknowledged.
    func purge()

    /// The errors since the last call.
    func takeErrors() -> [KafkaError]
}

extension Consumer: OutboxReader {}
extension PublisherFence: OutboxFence {}
extension Producer: OutboxProducer {}

/// Makes a publisher's connections.
package protocol OutboxCluster: Sendable {
    /// A reader of the topic that sees everything, transactions that were aborted included.
    func reader(_ settings: [(String, String)]) throws -> any OutboxReader

    /// An identity that is not claimed yet.
    func fence(_ settings: [(String, String)], id: String) throws -> any OutboxFence

    /// - Parameter delivered: called by `poll` and `flush` for each record that was sent.
    func producer(
        _ settings: [(String, String)], delivered: @escaping (Delivery) -> Void
    ) throws -> any OutboxProducer
}

/// The cluster that librdkafka reaches.
package struct KafkaCluster: OutboxCluster {
    /// The cluster that each call's settings name.
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
