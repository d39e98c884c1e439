// Asks the brokers for the ends of the topic's partitions, on a thread of its own, and tells the health board: the lag is
// known while nothing is fetched, and a leader that cannot be reached is named by the address that the cluster gives it.
//
// Invariants: nobody waits for it but for a moment at the end; every question has a time limit; nothing here decides whether
// the service is healthy.

import Health
import Base
import Dispatch
import Foundation
import Kafka
import Log

/// The thread that asks.
final class EndWatch: @unchecked Sendable {
    private let settings: IngestSettings
    private let question: EndOffsets
    private let board: HealthBoard
    private let time: TimeSource
    private let log: Logger
    private let stop = StopSignal()
    private let ended = DispatchSemaphore(value: 0)
    /// The leaders that were told of, by address; used on the thread only.
    private var told: Set<String> = []

    private static let intervalMilliseconds: Int64 = 2000
    private static let questionMilliseconds: Int32 = 2000

    init(settings: IngestSettings, consumer: Consumer, board: HealthBoard, time: TimeSource, log: Logger) {
        (self.settings, self.board, self.time, self.log) = (settings, board, time, log)
        question = EndOffsets(consumer)
    }

    /// Begins to ask.
    func start() {
        Thread.detachNewThread { [self] in
            repeat { askOnce() } while !stop.wait(milliseconds: Self.intervalMilliseconds)
            ended.signal()
        }
    }

    /// Ends it. A question that is under way is waited for no longer than a moment.
    func end() {
        stop.set()
        _ = ended.wait(timeout: .now() + .milliseconds(200))
    }

    private func askOnce() {
        let leaders: [BrokerAddress: [PartitionID]]
        do {
            leaders = try question.leaders(of: settings.topic, timeoutMilliseconds: Self.questionMilliseconds)
        } catch {
            // The service itself asks for the topic, and says what is wrong.
            board.couldNotAsk(now: time.wall())
            return tell(time.wall())
        }
        let asked = time.wall()
        var ends: [PartitionID: KafkaOffset] = [:]
        var known: [ServiceHealth.Leader] = []
        for (broker, led) in leaders.sorted(by: { $0.key.id < $1.key.id }) where !stop.wasSet {
            let partitions = led.filter { settings.partitions?.contains($0) ?? true }
            guard !partitions.isEmpty else { continue }
            var leader = ServiceHealth.Leader(id: broker.id, address: broker.address, partitions: partitions)
            do {
                let found = try question.ends(
                    of: settings.topic, partitions, timeoutMilliseconds: Self.questionMilliseconds)
                ends.merge(found) { $1 }
            } catch let error as KafkaError {
                (leader.silentSince, leader.reason) = (asked, error.isBare ? "no answer in time" : error.message)
            } catch {}
            known.append(leader)
        }
        guard !stop.wasSet else { return }
        board.asked(ends: ends, leaders: known, now: asked)
        tell(time.wall())
    }

    /// One line for a leader that stays silent, and one when it answers again.
    private func tell(_ now: Int64) {
        let leaders = board.current.leaders ?? []
        for leader in leaders {
            guard let since = leader.silentSince else {
                if told.remove(leader.address) != nil {
                    log.info("Kafka broker \(leader.id) at \(leader.address) answers again")
                }
                continue
            }
            // A broker that is being replaced as leader is no news.
            guard now - since >= 2 * Self.intervalMilliseconds, told.insert(leader.address).inserted else { continue }
            log.warning(
                """
                Kafka broker \(leader.id) at \(leader.address), which leads \(leader.partitions.count) partitions of topic \
                \(settings.topic), does not answer: \(leader.reason ?? "no answer in time"); check the broker, the way to it, \
                and whether advertised.listeners names it rightly; trying again
                """, metadata: ["broker": "\(leader.address)"])
        }
    }
}
