// Commits a group's offsets without waiting, for lag tools.
// At most one commit is in flight: `begin` has no effect while another is. A commit counts as acknowledged only when
// the broker acknowledged every partition.

import CRdKafka

/// The outcome of one commit.
package enum CommitOutcome: Equatable, Sendable {
    /// The broker acknowledged every partition.
    case acknowledged
    /// The broker refused the commit or did not answer.
    case failed(KafkaError)
}

/// Commits without waiting.
package final class GroupCommits {
    private let client: Client
    private let answers: OpaquePointer?
    /// A commit is in flight.
    package private(set) var isUnderWay = false

    init(_ client: Client) {
        self.client = client
        answers = rd_kafka_queue_new(client.handle)
    }

    deinit { answers.map { rd_kafka_queue_destroy($0) } }

    /// Sends the offsets; `outcome` returns the result. No effect while a commit is in flight or without positions.
    package func begin(topic: String, _ positions: [Position]) {
        guard !isUnderWay, !positions.isEmpty else { return }
        let list = Consumer.list(topic, positions)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        isUnderWay = rd_kafka_commit_queue(client.handle, list, answers, nil, nil) == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// The outcome of the commit in flight, after waiting at most `timeoutMilliseconds`; nil while it is unknown.
    package func outcome(timeoutMilliseconds: Int32 = 0) -> CommitOutcome? {
        guard isUnderWay, let event = rd_kafka_queue_poll(answers, timeoutMilliseconds) else { return nil }
        defer { rd_kafka_event_destroy(event) }
        isUnderWay = false
        var code = rd_kafka_event_error(event)
        if code == RD_KAFKA_RESP_ERR_NO_ERROR, let list = rd_kafka_event_topic_partition_list(event) {
            for index in 0..<Int(list.pointee.cnt) where code == RD_KAFKA_RESP_ERR_NO_ERROR {
                code = list.pointee.elems[index].err
            }
        }
        return code == RD_KAFKA_RESP_ERR_NO_ERROR ? .acknowledged : .failed(KafkaError(code))
    }
}

extension Consumer {
    /// Commits of this consumer's group.
    package func groupCommits() -> GroupCommits { GroupCommits(client) }
}

extension KafkaError {
    /// The group's coordinator is starting or moving; a retry of the commit may succeed.
    package var isCoordinatorAway: Bool {
        [
            RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        ].contains { $0.rawValue == code }
    }
}
