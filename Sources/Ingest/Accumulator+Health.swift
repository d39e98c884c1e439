// What the health board is told of each partition.

import State
import Health
import Windowing

extension Accumulator {
    /// The partitions as they are now.
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
