// The one error type of this binding.
// Invariant: everything is copied out of librdkafka when the error is made.

internal import CRdKafka

/// What librdkafka or a broker answered.
public struct KafkaError: Error, CustomStringConvertible, Equatable, Sendable {
    /// librdkafka's code: negative for its own, positive for the broker's.
    public let code: Int32
    /// The code's name, for example `_TRANSPORT`.
    public let name: String
    /// What happened, in words.
    public let message: String

    init(_ code: rd_kafka_resp_err_t, _ message: String? = nil) {
        self.code = code.rawValue
        name = String(cString: rd_kafka_err2name(code))
        self.message = message ?? String(cString: rd_kafka_err2str(code))
    }

    init(code: Int32, _ message: String? = nil) {
        self.init(rd_kafka_resp_err_t(rawValue: code), message)
    }

    /// An error that is not librdkafka's, such as a setting it does not know.
    init(_ message: String) {
        self.init(RD_KAFKA_RESP_ERR__INVALID_ARG, message)
    }

    /// One line for people: what failed, on what, what to do.
    public var description: String { message }

    /// No broker could be reached, or none answered in time; trying again may help.
    public var isConnection: Bool {
        [
            RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR__WAIT_COORD,
            RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        ].contains { $0.rawValue == code }
    }

    /// The credentials were refused, or TLS could not be agreed on.
    public var isAuthentication: Bool {
        [
            RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        ].contains { $0.rawValue == code }
    }

    /// The cluster has no such topic or partition.
    public var isUnknownTopic: Bool {
        [
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
        ].contains { $0.rawValue == code }
    }

    /// The offset asked for is not, or no longer, in the partition.
    public var isMissingOffset: Bool {
        [RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE].contains { $0.rawValue == code }
    }

    /// The log was cut before the offset asked for; what was there is not what was read (KIP-320).
    public var isLogTruncation: Bool {
        isMissingOffset && message.contains("log truncation detected") || name == "_LOG_TRUNCATION"
    }

    /// Where a log that was cut ends for the epoch that was read, as the broker told; nil when it did not.
    public var truncationEnd: Int64? {
        guard isLogTruncation, let words = message.firstRange(of: "broker end offset is ") else { return nil }
        return Int64(message[words.upperBound...].prefix { $0.isNumber || $0 == "-" }).flatMap { $0 < 0 ? nil : $0 }
    }

    /// A setting that librdkafka does not know, or a value it refuses.
    public var isInvalidSetting: Bool { code == RD_KAFKA_RESP_ERR__INVALID_ARG.rawValue }

    /// No broker at all can be reached.
    public var isAllBrokersDown: Bool { code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue }

    /// The local send queue is full; polling makes room.
    public var isQueueFull: Bool { code == RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue }
}
