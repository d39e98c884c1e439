// The simulated cluster as a process's publishers see it: identities that fence, and a producer.

import Base
import Ingest
import Kafka

/// Makes the connections of one process.
struct SimOutboxCluster: OutboxCluster, @unchecked Sendable {
    let process: SimProcess

    func reader(_ settings: [(String, String)]) throws -> any OutboxReader {
        SimReader(process, isCommitted: false, seed: process.world.dice.next())
    }

    func fence(_ settings: [(String, String)], id: String) throws -> any OutboxFence { SimFence(process, id) }

    func producer(
        _ settings: [(String, String)], delivered: @escaping (Delivery) -> Void
    ) throws -> any OutboxProducer {
        SimProducer(process, delivered)
    }
}

/// A transactional identity.
final class SimFence: OutboxFence {
    private let process: SimProcess
    private let id: String
    private var owner: Int?
    private var world: World { process.world }

    init(_ process: SimProcess, _ id: String) { (self.process, self.id) = (process, id) }

    func claim(timeoutMilliseconds: Int32) throws {
        try ask(timeoutMilliseconds)
        let isSettled = world.marks[id, default: []].allSatisfy {
            (world.cluster.log($0.topic, $0.partition)?.highWatermark ?? $0.end) >= $0.end
        }
        guard isSettled else {
            process.pause(Int64(timeoutMilliseconds))
            throw retriable()
        }
        owner = world.cluster.newOwner()
        world.cluster.owners[id] = owner
    }

    func mark(topic: String, partitions: [PartitionID], timeoutMilliseconds: Int32) throws -> Bool {
        try ask(timeoutMilliseconds)
        guard world.cluster.owners[id] == owner else { throw Code.error(Code.fenced) }
        for partition in partitions {
            world.cluster.change(topic, partition) { log in
                let end = log.append(LogEntry(isControl: true)).next
                world.marks[id, default: []].removeAll { $0.topic == topic && $0.partition == partition }
                world.marks[id, default: []].append((topic, partition, end))
                if !world.faults.strikes(.highWatermarkLags, factor: 5) { log.replicate() }
            }
        }
        return true
    }

    func takeErrors() -> [KafkaError] { [] }

    private func ask(_ timeout: Int32) throws {
        world.point("fence")
        guard !process.isDead, !world.isBrokerAway else {
            process.pause(Int64(max(1, timeout)))
            throw retriable()
        }
        process.pause(1)
    }

    private func retriable() -> KafkaError {
        var error = Code.error(Code.timedOut)
        error.isRetriable = true
        return error
    }
}

/// An idempotent producer: one request at a time, acknowledged by all replicas.
final class SimProducer: OutboxProducer {
    private struct Waiting {
        let topic: String
        let partition: PartitionID
        let entry: LogEntry
        let tag: Int
    }

    private let process: SimProcess
    private let delivered: (Delivery) -> Void
    private var queue: [Waiting] = []
    /// Appended, and not acknowledged.
    private var appended: [(Waiting, offset: KafkaOffset)] = []
    private var world: World { process.world }

    init(_ process: SimProcess, _ delivered: @escaping (Delivery) -> Void) {
        (self.process, self.delivered) = (process, delivered)
    }

    func send(topic: String, partition: PartitionID, value: UnsafeRawBufferPointer, envelope: Envelope, tag: Int) throws
    {
        let entry = LogEntry(value: Array(value), envelope: envelope)
        queue.append(Waiting(topic: topic, partition: partition, entry: entry, tag: tag))
    }

    func poll(timeoutMilliseconds: Int32) { _ = flush(timeoutMilliseconds: timeoutMilliseconds) }

    func flush(timeoutMilliseconds: Int32) -> Bool {
        world.point("produce")
        guard !process.isDead, !world.isBrokerAway else {
            if process.isDead { letGo() }
            process.pause(Int64(max(1, timeoutMilliseconds)))
            return queue.isEmpty && appended.isEmpty
        }
        // A request holds as much as fits: the rest follows with the next one.
        let count = min(queue.count, world.dice.number(1..<8))
        for waiting in queue.prefix(count) { append(waiting) }
        queue.removeFirst(count)
        if world.faults.strikes(.producerSlow, factor: 5) {
            process.pause(Int64(max(1, timeoutMilliseconds)))
            return false
        }
        world.point("acknowledge")
        guard !process.isDead else { return false }
        acknowledge()
        return queue.isEmpty && appended.isEmpty
    }

    private func append(_ waiting: Waiting) {
        guard world.cluster.log(waiting.topic, waiting.partition) != nil else { return }
        world.cluster.change(waiting.topic, waiting.partition) { log in
            appended.append((waiting, log.append(waiting.entry)))
        }
    }

    private func acknowledge() {
        let isBlind = !appended.isEmpty && world.faults.strikes(.producerBlind)
        for (waiting, offset) in appended {
            // Acknowledged by all in-sync replicas: it is below the high watermark.
            world.cluster.change(waiting.topic, waiting.partition) { $0.replicate() }
            delivered(
                Delivery(
                    tag: waiting.tag, partition: waiting.partition, offset: isBlind ? -1 : offset, failure: nil))
        }
        appended = []
    }

    func purge() {
        letGo()
        (queue, appended) = ([], [])
    }

    /// A request that was on its way when its process died may still arrive a moment later.
    private func letGo() {
        guard let first = queue.first, world.faults.strikes(.producerZombie, factor: 20) else { return }
        let batch = queue.prefix { $0.topic == first.topic && $0.partition == first.partition }
        queue = []
        world.later(in: Int64(world.dice.number(1..<1200)), "a late request arrives") { world in
            world.cluster.change(first.topic, first.partition) { log in
                for waiting in batch { _ = log.append(waiting.entry) }
                log.replicate()
            }
        }
    }

    func takeErrors() -> [KafkaError] { world.isBrokerAway ? [Code.error(Code.transport)] : [] }
}
