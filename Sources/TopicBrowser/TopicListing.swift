// Lists the partitions of all topics with their offsets and a group's committed offsets.

package import Base
package import Kafka

/// A partition as the list of topics shows it.
package struct PartitionListing: Equatable, Sendable {
    /// The topic and the partition's number.
    package let partition: TopicPartition
    /// The first offset that the partition still has; nil without a leader.
    package let begin: KafkaOffset?
    /// The offset that the next record will get; nil without a leader.
    package let end: KafkaOffset?
    /// The group's next offset; nil when it has none.
    package let committed: KafkaOffset?
}

/// Lists topics.
package struct TopicListing {
    private let settings: [(String, String)]
    private let timeout: Int
    private let now: () -> Int
    private let mayContinue: () -> Bool

    /// - Parameters:
    ///   - settings: librdkafka settings, `bootstrap.servers` and `group.id` among them.
    ///   - timeoutMilliseconds: how long to wait for each answer of the cluster.
    ///   - now: milliseconds of a clock that never goes back.
    ///   - mayContinue: polled; false ends the listing.
    package init(
        settings: [(String, String)], timeoutMilliseconds: Int, now: @escaping () -> Int,
        mayContinue: @escaping () -> Bool
    ) {
        (self.settings, timeout, self.now, self.mayContinue) = (settings, timeoutMilliseconds, now, mayContinue)
    }

    /// The partitions of all topics, by topic and number.
    /// - Parameters:
    ///   - includesInternal: whether to list Kafka's own topics, whose names start with `__`.
    ///   - notice: receives a line when the group's offsets cannot be read.
    /// - Throws: `BrowseError.interrupted` or `KafkaError`.
    package func partitions(includesInternal: Bool, notice: (String) -> Void) throws -> [PartitionListing] {
        let asker = try Asker(
            cluster: Cluster(settings: settings, log: { _ in }), timeout: timeout, now: now, mayContinue: mayContinue)
        let topics = try asker.ask { try $0.topics(timeoutMilliseconds: $1) }
        let all = topics.filter { includesInternal || !$0.name.hasPrefix("__") }.flatMap { topic in
            topic.partitions.map { TopicPartition(topic: topic.name, partition: $0) }
        }
        let begin = try asker.offsets(of: all, .beginning)
        let end = try asker.offsets(of: all, .end)
        var committed: [TopicPartition: KafkaOffset] = [:]
        do {
            committed = try asker.inParts(all) { try $0.committedOffsets(of: $1, timeoutMilliseconds: $2) }
        } catch let error as KafkaError {
            notice("the group's offsets cannot be read: \(error.message)")
        }
        return all.map {
            PartitionListing(partition: $0, begin: begin[$0], end: end[$0], committed: committed[$0])
        }
    }
}
