// The readings of the partitions that the health board shows.

import State
import Health
import Windowing

extension Accumulator {
    /// The current reading of each partition.
    var readings: [PartitionReading] {
        zip(flush.partitions, engine.partitions).map { progress, partition in
            PartitionReading(
                progress,
                future: partition.future.map {
                    .init(count: $0.count, firstAt: $0.firstAt, at: $0.at, eventTime: $0.eventTime)
                })
        }
    }
}
