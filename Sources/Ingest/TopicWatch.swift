// Asks the cluster about the topic on a thread of its own, so that a broker that does not answer holds up nobody who counts.
//
// Invariants: at most one question is open; an answer is taken once; nothing here decides anything. The thread ends with its
// last question when the watch is let go.

package import Base
import Dispatch
import Foundation
package import Kafka

/// Questions about one topic, and their answers.
package final class TopicWatch: Sendable, TopicQuestions {
    /// What is to be found out.
    package struct Question: Equatable, Sendable {
        /// The partitions that are read already.
        package var assigned: Set<PartitionID> = []
        /// Those of them whose offsets are asked for again.
        package var suspects: Set<PartitionID> = []
        /// The partitions that are wanted at all; nil for all.
        package var wanted: Set<PartitionID>?
    }

    /// What the cluster said.
    package struct Findings: Sendable {
        package var partitions = TopicPartitions()
        /// The topic's id; nil where it is not known.
        package var topicID: String?
        /// The offsets of new and suspect partitions.
        package var ranges: [PartitionID: OffsetRange] = [:]
        /// Why there are none.
        package var failures: [PartitionID: KafkaError] = [:]

        /// Findings to be filled in.
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

    /// Asks, unless an earlier question is open or its answer was not taken.
    package func ask(_ question: Question) {
        let isFree = isBusy.withLock { busy in
            defer { busy = true }
            return !busy
        }
        guard isFree else { return }
        Thread.detachNewThread { [self] in
            let found = Result { try find(question) }
            answer.withLock { $0 = found }
            answered.signal()
        }
    }

    /// The answer, once it is there; waits no longer than the time given.
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

    /// A leader that did not answer for one partition is not waited for again.
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
