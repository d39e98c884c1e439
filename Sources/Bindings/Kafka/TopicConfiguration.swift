// Queries a topic's settings.

import CRdKafka

extension Consumer {
    /// One setting of a topic, as text; nil when the broker does not return it.
    /// - Throws: `KafkaError` when the broker refuses (DescribeConfigs is a separate permission) or does not answer in
    ///   time.
    package func configuration(of topic: String, _ name: String, timeoutMilliseconds: Int32) throws -> String? {
        try client.configuration(of: topic, name, timeoutMilliseconds: timeoutMilliseconds)
    }
}

extension Client {
    func configuration(of topic: String, _ name: String, timeoutMilliseconds: Int32) throws -> String? {
        let resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic)
        guard resource != nil else { throw KafkaError("topic name \(topic) is not valid") }
        defer { rd_kafka_ConfigResource_destroy(resource) }
        let options = rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS)
        defer { rd_kafka_AdminOptions_destroy(options) }
        var text = [CChar](repeating: 0, count: 512)
        rd_kafka_AdminOptions_set_request_timeout(options, timeoutMilliseconds, &text, text.count)
        let queue = rd_kafka_queue_new(handle)
        defer { rd_kafka_queue_destroy(queue) }
        var resources: [OpaquePointer?] = [resource]
        rd_kafka_DescribeConfigs(handle, &resources, 1, options, queue)
        guard let event = rd_kafka_queue_poll(queue, timeoutMilliseconds) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT)
        }
        defer { rd_kafka_event_destroy(event) }
        return try Self.value(of: name, in: event)
    }

    private static func value(of name: String, in event: OpaquePointer) throws -> String? {
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code) }
        var count = 0
        guard let result = rd_kafka_event_DescribeConfigs_result(event),
            let found = rd_kafka_DescribeConfigs_result_resources(result, &count), count > 0
        else { return nil }
        let failure = rd_kafka_ConfigResource_error(found[0])
        guard failure == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(failure) }
        guard let entries = rd_kafka_ConfigResource_configs(found[0], &count) else { return nil }
        for index in 0..<count {
            guard let entry = entries[index], let key = rd_kafka_ConfigEntry_name(entry),
                String(cString: key) == name
            else { continue }
            return rd_kafka_ConfigEntry_value(entry).map { String(cString: $0) }
        }
        return nil
    }
}
