// All topics with what their partitions hold and how far a group has come.

package import Base
package import Kafka

/// A partition as the list of topics shows it.
package struct PartitionListing: Equatable, Sendable {
    /// Topic and number.
    package let partition: TopicPartition
    /// The first offset it still has; nil without a leader.
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
    ///   - timeoutMilliseconds: how long the cluster may take for each answer.
    ///   - now: milliseconds of a clock that never goes back.
    ///   - mayContinue: asked often; false ends it.
    package init(
        settings: [(String, String)], timeoutMilliseconds: Int, now: @escaping () -> Int,
        mayContinue: @escaping () -> Bool
    ) {
        (self.settings, timeout, self.now, self.mayContinue) = (settings, timeoutMilliseconds, now, mayContinue)
    }

    /// The partitions of all topics, by topic and number.
    /// - Parameters:
    ///   - includesInternal: topics of Kafka's own, whose names start with `__`, too.
    ///   - notice: takes a line when the group's offsets could not be had.
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
            notice("the group's offsets could not be had: \(error.message)")
        }
        return all.map {
            PartitionListing(partition: $0, begin: begin[$0], end: end[$0], committed: committed[$0])
        }
    }
}
