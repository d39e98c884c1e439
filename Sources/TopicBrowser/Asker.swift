// Sends requests to a cluster that may be slow, in short attempts, so that an interrupt can end them.

import Base
import Kafka

/// Retries a request until it is answered, the time is up, or the user interrupts.
struct Asker {
    /// The longest attempt, and so the longest that an interrupt waits.
    private static let pieceMilliseconds = 2000

    /// The most partitions in one request.
    private static let largestPart = 100

    let cluster: Cluster
    let timeout: Int
    let now: () -> Int
    let mayContinue: () -> Bool

    /// - Throws: `BrowseError.interrupted`, or the last `KafkaError`.
    func ask<Answer>(_ question: (Cluster, Int32) throws -> Answer) throws -> Answer {
        let end = now() + timeout
        while true {
            guard mayContinue() else { throw BrowseError.interrupted }
            let left = end - now()
            do {
                return try question(cluster, Int32(clamping: max(1, min(left, Self.pieceMilliseconds))))
            } catch let error as KafkaError where error.isConnection && left > Self.pieceMilliseconds {
                continue
            }
        }
    }

    func offsets(of partitions: [TopicPartition], _ question: OffsetQuestion) throws -> [TopicPartition: KafkaOffset] {
        try inParts(partitions) { try $0.offsets(of: $1, question, timeoutMilliseconds: $2) }
    }

    /// Requests at most 100 partitions at a time, and fewer after a timeout, because an answer about thousands may not
    /// fit into one attempt. The time limit applies to each answer.
    /// - Throws: `BrowseError.interrupted`, or the last `KafkaError`.
    func inParts(
        _ partitions: [TopicPartition],
        _ question: (Cluster, [TopicPartition], Int32) throws -> [TopicPartition: KafkaOffset]
    ) throws -> [TopicPartition: KafkaOffset] {
        var found: [TopicPartition: KafkaOffset] = [:]
        var size = Self.largestPart
        var rest = partitions[...]
        while !rest.isEmpty {
            found.merge(
                try ask {
                    let part = rest.prefix(size)
                    size = max(1, part.count / 4)
                    let answer = try question($0, Array(part), $1)
                    rest = rest.dropFirst(part.count)
                    size = part.count
                    return answer
                }
            ) { $1 }
        }
        return found
    }
}
