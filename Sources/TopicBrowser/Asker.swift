// Questions to a cluster that may be slow to answer, in short pieces, so that an interrupt ends them.

internal import Kafka

/// Asks until there is an answer, the time is over, or the user interrupts.
struct Asker {
    /// The longest that one try takes: as long as an interrupt may wait.
    private static let pieceMilliseconds = 2000

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

    func offsets(of partitions: [TopicPartition], _ question: OffsetQuestion) throws -> [TopicPartition: Int64] {
        try ask { try $0.offsets(of: partitions, question, timeoutMilliseconds: $1) }
    }
}
