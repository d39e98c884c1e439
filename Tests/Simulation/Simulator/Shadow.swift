// A second, plain implementation of windows, lateness and offsets, to compare the product with.
//
// It receives every record that a consumer delivers, and reads from the state only its generation and offsets. Windows are
// [start, end); the watermark is the smallest of the partitions' largest event times, less delay and 1 ms; it never goes back.

import Base
import State
import Windowing

/// The durable knowledge of each generation, and the outcome of every record.
struct Shadow {
    /// The outcome of a record.
    struct Outcome {
        let entry: LogEntry
        let isLate: Bool
    }

    /// What a generation of the state must know.
    private struct Knowledge {
        var watermark: Int64?
        var largest: [PartitionID: Int64] = [:]
        var next: [PartitionID: KafkaOffset] = [:]
    }

    private struct Delivery {
        let partition: PartitionID
        let offset: KafkaOffset
        let entry: LogEntry
        let now: Int64
    }

    private let settings: WindowSettings
    private var present = Knowledge()
    private var durable: [Generation: Knowledge] = [0: Knowledge()]
    /// Handed over in the present step of the process; it may drop them.
    private var fresh: [Delivery] = []
    /// Taken, and not written yet.
    private var pending: [Delivery] = []
    /// The next offsets in the process's memory.
    private var taken: [PartitionID: KafkaOffset] = [:]
    private(set) var outcomes: [PartitionID: [KafkaOffset: Outcome]] = [:]
    private(set) var generation: Generation = 0
    /// Lateness is predicted, not only checked for consistency. Something happened that the rule above does not cover
    /// otherwise: idle partitions, another log under the same name.
    var isExact: Bool

    init(_ settings: WindowSettings, isExact: Bool) { (self.settings, self.isExact) = (settings, isExact) }

    /// A process begins at a generation, with what the state has then: a flush of the process before it may not have been
    /// reported, or is lost.
    mutating func begin(at generation: Generation, _ partitions: [PartitionProgress]) {
        // Killed in a step: its records may be written.
        pending += fresh.filter { $0.offset >= taken[$0.partition] ?? 0 }
        if !durable.isEmpty, generation > self.generation {
            settled(generation, partitions, known: partitions.map(\.partition))
        } else if let known = durable[generation] {
            present = known
        } else {
            (present, isExact) = (Knowledge(), false)
            for progress in partitions { present.next[progress.partition] = progress.nextOffset }
            durable[generation] = present
        }
        durable = durable.filter { $0.key <= generation }
        (self.generation, pending, fresh) = (generation, [], [])
        taken = present.next
        // What a lost generation knew is consumed again, or passed over.
        for (partition, known) in outcomes {
            outcomes[partition] = known.filter { $0.key < present.next[partition] ?? 0 }
        }
    }

    /// A state was restored, or a new one was made.
    mutating func forget() {
        (durable, pending, fresh) = ([:], [], [])
        isExact = false
    }

    /// Drops what a restored state cannot have: offsets of no raw row.
    mutating func keep(only places: Set<String>) {
        for (partition, known) in outcomes {
            outcomes[partition] = known.filter { places.contains("\(partition)/\($0.key)") }
        }
    }

    /// A record was handed over.
    mutating func delivered(_ partition: PartitionID, _ offset: KafkaOffset, _ entry: LogEntry, now: Int64) {
        fresh.append(Delivery(partition: partition, offset: offset, entry: entry, now: now))
    }

    /// A step of the process is over: it has taken the records below these next offsets that were at or above its earlier
    /// ones. It has dropped those above, of another log, and read those below for the raw table only.
    mutating func stepped(to next: [PartitionID: KafkaOffset]) {
        pending += fresh.filter { $0.offset >= taken[$0.partition] ?? 0 && $0.offset < next[$0.partition] ?? 0 }
        (fresh, taken) = ([], next)
    }

    /// The state has reached this generation with these next offsets.
    mutating func settled(_ generation: Generation, _ partitions: [PartitionProgress], known: [PartitionID]) {
        // A backfill raises the generation too: what a flush has not written yet stays.
        var left: [Delivery] = []
        for delivery in pending {
            if let next = partitions.first(where: { $0.partition == delivery.partition })?.nextOffset,
                delivery.offset < next
            {
                decide(delivery, known)
            } else {
                left.append(delivery)
            }
        }
        pending = left
        for progress in partitions { present.next[progress.partition] = progress.nextOffset }
        self.generation = generation
        durable[generation] = present
    }

    private mutating func decide(_ delivery: Delivery, _ known: [PartitionID]) {
        guard delivery.offset >= present.next[delivery.partition] ?? 0 else { return }
        present.next[delivery.partition] = delivery.offset.next
        var isLate = false
        if let time = delivery.entry.event?.time {
            let end = time - time % settings.windowMilliseconds + settings.windowMilliseconds
            isLate = present.watermark.map { end - 1 + settings.allowedLatenessMilliseconds <= $0 } ?? false
            if time <= delivery.now + settings.maxFutureSkewMilliseconds {
                present.largest[delivery.partition] = max(present.largest[delivery.partition] ?? time, time)
            }
            let times = known.map { present.largest[$0] }
            if !times.contains(nil), let smallest = times.compactMap({ $0 }).min() {
                let candidate = smallest - settings.watermarkDelayMilliseconds - 1
                present.watermark = max(present.watermark ?? candidate, candidate)
            }
        }
        outcomes[delivery.partition, default: [:]][delivery.offset] = Outcome(entry: delivery.entry, isLate: isLate)
    }

    /// The outcomes of what a state with these next offsets has consumed.
    func consumed(_ partitions: [PartitionProgress]) -> [(
        partition: PartitionID, offset: KafkaOffset, outcome: Outcome
    )] {
        partitions.sorted { $0.partition < $1.partition }.flatMap { progress in
            (outcomes[progress.partition] ?? [:]).filter { $0.key < progress.nextOffset }.sorted { $0.key < $1.key }
                .map { (progress.partition, $0.key, $0.value) }
        }
    }
}
