// What a publisher can be told.

public import Store

/// Settings of one publisher.
public struct OutboxSettings: Sendable {
    /// The rows it publishes.
    public let name: OutboxName
    /// The topic it publishes to; created when it is missing.
    public let topic: String
    /// librdkafka settings; `bootstrap.servers` among them.
    public var kafka: [(String, String)]
    /// The addresses as the user gave them, for messages.
    public var bootstrapServers: String
    /// Partitions of a topic that has to be created.
    public var newTopicPartitions = 4
    /// How long the end of the topic has to be quiet after a crash, before what is not there counts as not sent,
    /// in milliseconds.
    public var quietMilliseconds: Int64 = 1000

    /// Settings with the defaults of the command line.
    public init(name: OutboxName, topic: String, kafka: [(String, String)], bootstrapServers: String) {
        self.name = name
        self.topic = topic
        self.kafka = kafka
        self.bootstrapServers = bootstrapServers
    }
}
