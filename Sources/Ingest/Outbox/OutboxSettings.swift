// Settings of a publisher.

package import Base
package import State

/// Settings of one publisher.
package struct OutboxSettings: Sendable {
    /// The rows it publishes.
    package let name: OutboxName
    /// The target topic; created when it is missing.
    package let topic: String
    /// librdkafka settings, including `bootstrap.servers`.
    package var kafka: [(String, String)]
    /// The addresses as the user gave them; for messages.
    package var bootstrapServers: String
    /// The topic that the rows came from.
    package var sourceTopic = ""
    /// The service's consumer group. Services of different groups publish independently.
    package var group = "pageviews"
    /// The partitions of the source that the service reads; nil for all.
    package var partitions: Set<PartitionID>?
    /// Number of partitions of a topic that is created.
    package var newTopicPartitions = 4
    /// Time without a new record of this source after which a row that is not in the topic counts as not sent, in
    /// milliseconds. It is longer than a fenced publisher takes from its last ownership check until the broker has its
    /// batch.
    var quietMilliseconds: Int64 = 2000

    /// Settings with the defaults of the command line.
    package init(name: OutboxName, topic: String, kafka: [(String, String)], bootstrapServers: String) {
        self.name = name
        self.topic = topic
        self.kafka = kafka
        self.bootstrapServers = bootstrapServers
    }

    /// The transactional id with which a publisher fences its predecessor. Services with other partitions or another
    /// group have other ids.
    package var transactionalID: String {
        let parts = partitions.map { "-p" + $0.sorted().map(\.description).joined(separator: ".") } ?? ""
        return "pageviews-\(name.rawValue)-\(sourceTopic)-\(group)-\(topic)\(parts)"
    }
}
