// Asks the cluster about the topic on another thread, so that a broker that does not answer never delays counting.
//
// Invariants: at most one question is open, and an answer is taken once. Each question has its own thread, which ends
// with the answer.

package import Base
import Dispatch
import Foundation
package import Kafka

/// Questions about one topic and their answers.
package final class TopicWatch: Sendable, TopicQuestions {
    /// A question.
    package struct Question: Equatable, Sendable {
        /// The partitions that are read already.
        package var assigned: Set<PartitionID> = []
        /// The assigned partitions whose offsets are asked for again.
        package var suspects: Set<PartitionID> = []
        /// The partitions that may be read; nil for all.
        package var wanted: Set<PartitionID>?
    }

    /// The cluster's answer.
    package struct Findings: Sendable {
        /// The topic's partitions, their leaders and faults.
        package var partitions = TopicPartitions()
        /// The topic's id; nil when it is not known.
        package var topicID: String?
        /// The offsets of new and suspect partitions.
        package var ranges: [PartitionID: OffsetRange] = [:]
        /// The errors of partitions without offsets in `ranges`.
        package var failures: [PartitionID: KafkaError] = [:]

        /// Empty findings.
        package init() {}
    }

    private let topic: String
    private let inquiry: Inquiry
    private let answer = Lock<Result<Findings, any Error>?>(nil)
    private let isBusy = Lock(false)
    private let answered = DispatchSemaphore(value: 0)

    init(topic: String, inquiry: Inquiry) {
        self.topic = topic
        self.inquiry = inquiry
    }

    /// Asks a question. Ignored while a question is open or its answer was not taken.
    package func ask(_ question: Question) {
        let isFree = isBusy.withLock { busy in
            defer { busy = true }
            return !busy
        }
        guard isFree else { return }
        Thread.detachNewThread { [self] in
            let found = Result { try find(question) }
            answer.withLock { answer in
                precondition(answer == nil, "an answer is taken before the next question")
                answer = found
            }
            answered.signal()
        }
    }

    /// Takes the answer, waiting for it up to the given time; nil when there is none.
    package func take(waitMilliseconds: Int = 0) -> Result<Findings, any Error>? {
        guard answered.wait(timeout: .now() + .milliseconds(waitMilliseconds)) == .success else { return nil }
        let found = answer.withLock { answer in
            defer { answer = nil }
            return answer
        }
        isBusy.withLock { $0 = false }
        return found
    }

    private func find(_ question: Question) throws -> Findings {
        var found = Findings()
        found.partitions = try inquiry.partitions(of: topic, timeoutMilliseconds: 2000)
        found.topicID = inquiry.topicID(of: topic, timeoutMilliseconds: 2000)
        let all = PartitionID.all(count: found.partitions.count).filter { question.wanted?.contains($0) ?? true }
        findRanges(of: all.filter { !question.assigned.contains($0) || question.suspects.contains($0) }, &found)
        return found
    }

    /// Asks for offsets. A leader that did not answer for one partition is not asked for its others.
    private func findRanges(of partitions: [PartitionID], _ found: inout Findings) {
        var silent: [Int32: KafkaError] = [:]
        for partition in partitions {
            let leader = found.partitions.leaders[partition] ?? -1
            if let failure = found.partitions.faults[partition] ?? silent[leader] {
                found.failures[partition] = failure
                continue
            }
            do {
                found.ranges[partition] = try inquiry.offsets(
                    of: topic, partition: partition, timeoutMilliseconds: 3000)
            } catch let error as KafkaError {
                found.failures[partition] = error
                if error.isConnection { silent[leader] = error }
            } catch {}
        }
    }
}
