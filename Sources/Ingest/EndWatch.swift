// Asks the brokers for the ends of the topic's partitions, on its own thread, and reports them to the health board. The
// lag is therefore known while nothing is fetched, and an unreachable leader is named by its advertised address.
//
// Every request has a timeout, and shutdown waits for the thread at most 200 ms. Core/Health decides whether the
// service is healthy.

import Health
import Base
import Dispatch
import Foundation
import Kafka
import Log

/// The thread that asks for the ends.
final class EndWatch: @unchecked Sendable {
    private let settings: IngestSettings
    private let question: EndOffsets
    private let board: HealthBoard
    private let time: TimeSource
    private let log: Logger
    private let stop = StopSignal()
    private let ended = DispatchSemaphore(value: 0)
    /// Addresses of the leaders that were logged as unreachable; used on the thread only.
    private var told: Set<String> = []

    private static let intervalMilliseconds: Int64 = 2000
    private static let questionMilliseconds: Int32 = 2000

    init(settings: IngestSettings, consumer: Consumer, board: HealthBoard, time: TimeSource, log: Logger) {
        (self.settings, self.board, self.time, self.log) = (settings, board, time, log)
        question = EndOffsets(consumer)
    }

    /// Starts the thread.
    func start() {
        Thread.detachNewThread { [self] in
            repeat { askOnce() } while !stop.wait(milliseconds: Self.intervalMilliseconds)
            ended.signal()
        }
    }

    /// Stops the thread. Waits at most 200 ms for a request under way.
    func end() {
        stop.set()
        _ = ended.wait(timeout: .now() + .milliseconds(200))
    }

    private func askOnce() {
        let leaders: [BrokerAddress: [PartitionID]]
        do {
            leaders = try question.leaders(of: settings.topic, timeoutMilliseconds: Self.questionMilliseconds)
        } catch {
            // The service itself asks about the topic and logs the cause.
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

    /// Logs a leader that stays silent once, and once when it answers again.
    private func tell(_ now: Int64) {
        let leaders = board.current.leaders ?? []
        for leader in leaders {
            guard let since = leader.silentSince else {
                if told.remove(leader.address) != nil {
                    log.info("Kafka broker \(leader.id) at \(leader.address) answers again")
                }
                continue
            }
            // A leader change makes the old leader silent for a moment.
            guard now - since >= 2 * Self.intervalMilliseconds, told.insert(leader.address).inserted else { continue }
            log.warning(
                """
                Kafka broker \(leader.id) at \(leader.address), which leads \(leader.partitions.count) partitions of \
                topic \(settings.topic), does not answer: \(leader.reason ?? "no answer in time"); check the broker, \
                the network path, and whether advertised.listeners is correct; trying again
                """, metadata: ["broker": "\(leader.address)"])
        }
    }
}
