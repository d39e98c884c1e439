// Settings of a publisher.

package import Base
package import State

/// Settings of one publisher.
package struct OutboxSettings: Sendable {
    /// The rows it publishes.
    package let name: OutboxName
    /// The topic it publishes to; created when it is missing.
    package let topic: String
    /// librdkafka settings; `bootstrap.servers` among them.
    package var kafka: [(String, String)]
    /// The addresses as the user gave them, for messages.
    package var bootstrapServers: String
    /// The topic that the rows came from.
    package var sourceTopic = ""
    /// The group of the service: one service of a group publishes what it read of the source's partitions.
    package var group = "pageviews"
    /// The partitions of the source that the service reads; nil for all.
    package var partitions: Set<PartitionID>?
    /// Partitions of a topic that has to be created.
    package var newTopicPartitions = 4
    /// How long nothing of this source may arrive in the topic before what is not there counts as not sent, in milliseconds:
    /// longer than a publisher that was fenced takes from its last look at the fence until the broker has its batch.
    var quietMilliseconds: Int64 = 2000

    /// Settings with the defaults of the command line.
    package init(name: OutboxName, topic: String, kafka: [(String, String)], bootstrapServers: String) {
        self.name = name
        self.topic = topic
        self.kafka = kafka
        self.bootstrapServers = bootstrapServers
    }

    /// Who publishes: the transactional id by which a publisher fences the one before it. Services that read other
    /// partitions, or for another group, have other ids.
    package var transactionalID: String {
        let parts = partitions.map { "-p" + $0.sorted().map(\.description).joined(separator: ".") } ?? ""
        return "pageviews-\(name.rawValue)-\(sourceTopic)-\(group)-\(topic)\(parts)"
    }
}
