// The one error type of this target. An error is a value: it copies its texts from librdkafka.

package import Base
import CRdKafka

/// An error of librdkafka or a broker.
package struct KafkaError: Error, CustomStringConvertible, Equatable, Sendable {
    /// librdkafka's code: negative for its own, positive for the broker's.
    package let code: Int32
    /// The code's name, for example `_TRANSPORT`.
    package let name: String
    /// The error in words.
    package let message: String
    /// The caller may repeat the call, which then continues the operation.
    package var isRetriable = false

    init(_ code: rd_kafka_resp_err_t, _ message: String? = nil) {
        self.code = code.rawValue
        name = String(cString: rd_kafka_err2name(code))
        self.message = message ?? String(cString: rd_kafka_err2str(code))
    }

    /// An error by librdkafka's code: negative for its own, positive for the broker's.
    package init(code: Int32, _ message: String? = nil) {
        self.init(rd_kafka_resp_err_t(rawValue: code), message)
    }

    /// An error found by this target or without a code, such as an unknown setting.
    init(_ message: String) {
        self.init(RD_KAFKA_RESP_ERR__INVALID_ARG, message)
    }

    /// A record was acknowledged without its offset; it is unknown whether the topic contains it.
    package static let unknownOffset = KafkaError(
        RD_KAFKA_RESP_ERR__INCONSISTENT, "a record was acknowledged without an offset; looking for it in the topic")

    /// The coordinator did not confirm in time that the transactional id still belongs to this client.
    package static let unknownOwner = KafkaError(
        RD_KAFKA_RESP_ERR__TIMED_OUT, "the coordinator of the transactional id did not answer in time")

    /// The message alone.
    package var description: String { message }

    /// Brokers are unreachable, or none answered in time; a retry may succeed.
    package var isConnection: Bool {
        [
            RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR__WAIT_COORD,
            RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        ].contains { $0.rawValue == code }
    }

    /// The cluster rejected the credentials or denied access, or TLS failed.
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

    /// The requested offset is outside the partition's range.
    package var isMissingOffset: Bool {
        [RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE].contains { $0.rawValue == code }
    }

    /// The log was truncated below the requested offset, so records that were read may be gone (KIP-320).
    package var isLogTruncation: Bool {
        isMissingOffset && message.contains("log truncation detected") || name == "_LOG_TRUNCATION"
    }

    /// The end offset of a truncated log for the epoch that was read; nil when the broker did not report it.
    package var truncationEnd: KafkaOffset? {
        guard isLogTruncation, let words = message.firstRange(of: "broker end offset is ") else { return nil }
        let digits = message[words.upperBound...].prefix { $0.isNumber || $0 == "-" }
        return KafkaOffset(digits).flatMap { $0 < 0 ? nil : $0 }
    }

    /// An unknown setting, or a value that librdkafka rejects.
    package var isInvalidSetting: Bool { code == RD_KAFKA_RESP_ERR__INVALID_ARG.rawValue }

    /// Every broker is unreachable.
    package var isAllBrokersDown: Bool { code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN.rawValue }

    /// The local send queue is full; polling makes room.
    package var isQueueFull: Bool { code == RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue }

    /// Another client has claimed the same transactional id.
    package var isFenced: Bool {
        [
            RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        ].contains { $0.rawValue == code }
    }

    /// The record or its batch exceeds the size limit of the topic or of the client.
    package var isTooLarge: Bool {
        [
            RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
            RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE,
        ].contains { $0.rawValue == code }
    }

    /// The topic can never accept the record, or another record of its batch.
    package var isRefusedRecord: Bool {
        isTooLarge
            || [
                RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, RD_KAFKA_RESP_ERR_INVALID_MSG,
            ].contains { $0.rawValue == code }
    }

    /// The resource to which the cluster denied access; nil for other errors.
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

/// The kind of resource of an access rule.
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
