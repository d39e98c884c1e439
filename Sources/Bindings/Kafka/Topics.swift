// Creates topics.

internal import CRdKafka

extension Producer {
    /// Creates a topic; one that exists already is left as it is.
    /// - Throws: `KafkaError` when the broker refuses or does not answer in time.
    public func createTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws {
        try client.createTopic(name, partitions: partitions, timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension Consumer {
    /// Creates a topic; one that exists already is left as it is.
    /// - Throws: `KafkaError` when the broker refuses or does not answer in time.
    public func createTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws {
        try client.createTopic(name, partitions: partitions, timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension Client {
    func createTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws {
        var text = [CChar](repeating: 0, count: 512)
        let topic = rd_kafka_NewTopic_new(name, Int32(clamping: partitions), -1, &text, text.count)
        guard topic != nil else { throw KafkaError(Self.string(text)) }
        defer { rd_kafka_NewTopic_destroy(topic) }
        let queue = rd_kafka_queue_new(handle)
        defer { rd_kafka_queue_destroy(queue) }
        var topics: [OpaquePointer?] = [topic]
        rd_kafka_CreateTopics(handle, &topics, 1, nil, queue)
        guard let event = rd_kafka_queue_poll(queue, timeoutMilliseconds) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "creating topic \(name): no answer in time")
        }
        defer { rd_kafka_event_destroy(event) }
        try Self.check(event, creating: name)
    }

    private static func check(_ event: OpaquePointer, creating name: String) throws {
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code) }
        var count = 0
        guard let result = rd_kafka_event_CreateTopics_result(event),
            let topics = rd_kafka_CreateTopics_result_topics(result, &count), count > 0
        else { return }
        let failure = rd_kafka_topic_result_error(topics[0])
        guard failure != RD_KAFKA_RESP_ERR_NO_ERROR, failure != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS else { return }
        let words = rd_kafka_topic_result_error_string(topics[0]).map { String(cString: $0) }
        throw KafkaError(failure, "creating topic \(name): \(words ?? "refused")")
    }
}
