// The one error type of this binding.
// Invariant: everything is copied out of librdkafka when the error is made.

package import Base
import CRdKafka

/// What librdkafka or a broker answered.
package struct KafkaError: Error, CustomStringConvertible, Equatable, Sendable {
    /// librdkafka's code: negative for its own, positive for the broker's.
    package let code: Int32
    /// The code's name, for example `_TRANSPORT`.
    package let name: String
    /// What happened, in words.
    package let message: String
    /// The same call may be made again, to go on with what it began.
    package internal(set) var isRetriable = false

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

    /// A record was acknowledged without its offset: whether the topic has it is not known.
    package static let unknownOffset = KafkaError(
        RD_KAFKA_RESP_ERR__INCONSISTENT, "a record was acknowledged without an offset; looking for it in the topic")

    /// The coordinator of the transactional id did not say in time whether the id is still this client's.
    package static let unknownOwner = KafkaError(
        RD_KAFKA_RESP_ERR__TIMED_OUT, "the coordinator of the transactional id did not answer in time")

    /// One line for people: what failed, on what, what to do.
    package var description: String { message }

    /// No broker could be reached, or none answered in time; trying again may help.
    package var isConnection: Bool {
        [
            RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR__WAIT_COORD,
            RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        ].contains { $0.rawValue == code }
    }

    /// The credentials were refused, or TLS could not be agreed on.
    package var isAuthentication: Bool {
        [
            RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR__SSL, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        ].contains { $0.rawValue == code }
    }

    /// The cluster has no such topic or partition.
    package var isUnknownTopic: Bool {
        [
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
        ].contains { $0.rawValue == code }
    }

    /// The offset asked for is not, or no longer, in the partition.
    package var isMissingOffset: Bool {
        [RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE].contains { $0.rawValue == code }
    }

    /// The log was cut before the offset asked for; what was there is not what was read (KIP-320).
    package var isLogTruncation: Bool {
        isMissingOffset && message.contains("log truncation detected") || name == "_LOG_TRUNCATION"
    }

    /// Where a log that was cut ends for the epoch that was read, as the broker told; nil when it did not.
    package var truncationEnd: KafkaOffset? {
        guard isLogTruncation, let words = message.firstRange(of: "broker end offset is ") else { return nil }
        let digits = message[words.upperBound...].prefix { $0.isNumber || $0 == "-" }
        return KafkaOffset(digits).flatMap { $0 < 0 ? nil : $0 }
    }

    /// A setting that librdkafka does not know, or a value it refuses.
    package var isInvalidSetting: Bool { code == RD_KAFKA_RESP_ERR__INVALID_ARG.rawValue }

    /// No broker at all can be reached.
    package var isAllBrokersDown: Bool { code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue }

    /// The local send queue is full; polling makes room.
    package var isQueueFull: Bool { code == RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue }

    /// Another client has claimed the same transactional id.
    package var isFenced: Bool {
        [
            RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        ].contains { $0.rawValue == code }
    }

    /// The record, or the batch it was in, is larger than the topic allows or than the client is allowed to send.
    package var isTooLarge: Bool {
        [
            RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
            RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
        ].contains { $0.rawValue == code }
    }

    /// The topic will never take the record, or another of its batch.
    package var isRefusedRecord: Bool {
        isTooLarge
            || [
                RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, RD_KAFKA_RESP_ERR_INVALID_MSG,
            ].contains { $0.rawValue == code }
    }

    /// The broker does not know the request.
    package var isUnsupported: Bool {
        [
            RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION,
            RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED,
        ].contains { $0.rawValue == code }
    }

    /// What the cluster's access rules refuse; nil for other errors.
    package var refusedResource: RefusedResource? {
        switch rd_kafka_resp_err_t(rawValue: code) {
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED: .topic
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: .group
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: .cluster
        case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED: .transactionalID
        default: nil
        }
    }
}

/// What an access rule of a cluster is about.
package enum RefusedResource: Equatable, Sendable {
    /// A topic.
    case topic
    /// A consumer group.
    case group
    /// The cluster as a whole.
    case cluster
    /// A transactional id.
    case transactionalID
}
