// Questions about many partitions.

import Base
import TestSupport
import Testing

@testable import Kafka
@testable import TopicBrowser

@Suite struct AskerTests {
    private let partitions = (0..<1000).map { TopicPartition(topic: "topic-\($0)", partition: 0) }

    /// - Parameter most: about more partitions than these the broker takes too long.
    private func offsets(most: Int) throws -> (answers: [TopicPartition: KafkaOffset], questions: [Int]) {
        var clock = 0
        var questions: [Int] = []
        let asker = try Asker(
            cluster: Cluster(settings: [("bootstrap.servers", "127.0.0.1:1")], log: { _ in }), timeout: 10_000,
            now: { clock }, mayContinue: { true })
        let answers = try asker.inParts(partitions) { _, part, limit in
            questions.append(part.count)
            clock += Int(limit)
            guard part.count <= most else { throw KafkaError(code: -185) }
            return Dictionary(uniqueKeysWithValues: part.map { ($0, 7) })
        }
        return (answers, questions)
    }

    @Test func `all are asked about, in parts that the broker answers in time`() throws {
        for most in [1, 7, 100, 5000] {
            let (answers, questions) = try offsets(most: most)
            #expect(answers.count == partitions.count)
            #expect(Set(answers.keys) == Set(partitions))
            // After the first answer nothing is asked in vain.
            #expect(questions.drop { $0 > most }.allSatisfy { $0 <= most })
        }
    }

    @Test func `a broker that never answers is given up after the time limit`() throws {
        #expect(throws: KafkaError.self) { try offsets(most: 0) }
    }
}
