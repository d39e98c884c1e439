// The group's offsets, committed for lag tools to see, and what became of them.
// Invariant: at most one commit is under way; what it carried counts as committed only when every partition of it was
// acknowledged.

import CRdKafka

/// What became of one commit.
package enum CommitOutcome: Equatable, Sendable {
    /// Every partition was acknowledged.
    case acknowledged
    /// It was refused, or nobody answered.
    case failed(KafkaError)
}

/// Commits without waiting.
package final class GroupCommits {
    private let client: Client
    private let answers: OpaquePointer?
    /// A commit was sent and nothing was heard of it.
    package private(set) var isUnderWay = false

    init(_ client: Client) {
        self.client = client
        answers = rd_kafka_queue_new(client.handle)
    }

    deinit { answers.map { rd_kafka_queue_destroy($0) } }

    /// Sends the offsets; `outcome` tells what became of them.
    package func begin(topic: String, _ positions: [Position]) {
        guard !isUnderWay, !positions.isEmpty else { return }
        let list = Consumer.list(topic, positions)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        isUnderWay = rd_kafka_commit_queue(client.handle, list, answers, nil, nil) == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    /// What became of the commit under way; nil while it is not known. Waits no longer than the time given.
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
    /// The group's coordinator is being made or moved: the same commit may succeed a moment later.
    package var isCoordinatorAway: Bool {
        [
            RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        ].contains { $0.rawValue == code }
    }
}
