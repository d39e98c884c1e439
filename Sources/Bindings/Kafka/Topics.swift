// Creates topics and waits until they are usable.

import CRdKafka
import Dispatch

/// A topic that was created or existed already.
package struct CreatedTopic: Equatable, Sendable {
    /// Whether the call created the topic.
    package let isNew: Bool
    /// The topic's number of partitions; an existing topic may have another number than requested.
    package let partitions: Int

    /// Makes an answer.
    package init(isNew: Bool, partitions: Int) { (self.isNew, self.partitions) = (isNew, partitions) }
}

extension Producer {
    /// Creates a topic and waits until every partition has a leader. An existing topic stays unchanged.
    /// - Throws: `KafkaError` when the broker refuses or does not answer in time.
    @discardableResult
    package func createTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws -> CreatedTopic {
        try client.makeTopic(name, partitions: partitions, timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension Consumer {
    /// Creates a topic and waits until every partition has a leader. An existing topic stays unchanged.
    /// - Throws: `KafkaError` when the broker refuses or does not answer in time.
    @discardableResult
    package func createTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws -> CreatedTopic {
        try client.makeTopic(name, partitions: partitions, timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension Client {
    func makeTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws -> CreatedTopic {
        let isNew = try createTopic(name, partitions: partitions, timeoutMilliseconds: timeoutMilliseconds)
        return CreatedTopic(
            isNew: isNew, partitions: try waitForLeaders(of: name, timeoutMilliseconds: timeoutMilliseconds))
    }

    /// - Returns: whether the call created the topic; false when it existed.
    func createTopic(_ name: String, partitions: Int, timeoutMilliseconds: Int32) throws -> Bool {
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
        return try Self.check(event, creating: name)
    }

    private static func check(_ event: OpaquePointer, creating name: String) throws -> Bool {
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code) }
        var count = 0
        guard let result = rd_kafka_event_CreateTopics_result(event),
            let topics = rd_kafka_CreateTopics_result_topics(result, &count), count > 0
        else { return true }
        let failure = rd_kafka_topic_result_error(topics[0])
        if failure == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS { return false }
        guard failure != RD_KAFKA_RESP_ERR_NO_ERROR else { return true }
        let words = rd_kafka_topic_result_error_string(topics[0]).map { String(cString: $0) }
        throw KafkaError(failure, "creating topic \(name): \(words ?? "refused")")
    }

    /// Waits until the cluster knows a topic and a leader for each of its partitions.
    /// - Returns: the number of its partitions.
    /// - Throws: `KafkaError` when the timeout expires first.
    func waitForLeaders(of topic: String, timeoutMilliseconds: Int32) throws -> Int {
        let deadline = DispatchTime.now() + .milliseconds(Int(timeoutMilliseconds))
        let pause = DispatchSemaphore(value: 0)
        var last = KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "topic \(topic) has no leader yet")
        while DispatchTime.now() < deadline {
            do {
                let found = try partitions(of: topic, timeoutMilliseconds: 2000)
                if found.count > 0, found.faults.isEmpty { return found.count }
            } catch let error as KafkaError where error.isUnknownTopic || error.isConnection {
                last = error
            }
            _ = pause.wait(timeout: .now() + .milliseconds(50))
        }
        throw last
    }
}
