// The part of the board about the ends of partitions, which the service requests from the brokers.
// A failed request clears the end: an earlier answer says nothing about the present lag.

package import Base

extension HealthBoard {
    /// Records the result of a request for the partitions' ends.
    /// - Parameters:
    ///   - ends: the ends (exclusive) up to which partitions can be read, where the leader answered.
    ///   - leaders: the brokers that lead the partitions, with the reason where a broker did not answer.
    ///   - now: the time of the request, in milliseconds since the Unix epoch.
    package func asked(ends: [PartitionID: KafkaOffset], leaders: [ServiceHealth.Leader], now: Int64) {
        update { health in
            let before = health.leaders ?? []
            health.leaders = leaders.map { leader in
                var leader = leader
                guard leader.silentSince != nil, let old = before.first(where: { $0.address == leader.address }),
                    let since = old.silentSince
                else { return leader }
                (leader.silentSince, leader.reason) = (since, old.reason ?? leader.reason)
                return leader
            }
            for index in health.partitions.indices {
                health.partitions[index].heard(end: ends[health.partitions[index].partition], now: now)
            }
        }
    }

    /// Records that no broker could be asked, and clears all ends. Keeps unreachable leaders: they may be the cause.
    package func couldNotAsk(now: Int64) {
        update { health in
            let silent = (health.leaders ?? []).filter { $0.silentSince != nil }
            health.leaders = silent.isEmpty ? nil : silent
            for index in health.partitions.indices { health.partitions[index].heard(end: nil, now: now) }
        }
    }
}

extension ServiceHealth.Partition {
    /// Records the end (exclusive) up to which the partition can be read; nil when its broker did not answer.
    package mutating func heard(end: KafkaOffset?, now: Int64) {
        guard let end else {
            (endOffset, endAt) = (nil, nil)
            return
        }
        // The readable end is below the high watermark while a transaction is open.
        let isHeld = (highWatermarkOffset ?? 0) > end
        transactionSince = isHeld ? (endOffset == end ? transactionSince : nil) ?? now : nil
        (endOffset, endAt) = (end, now)
    }

    /// Records that wait in Kafka; nil when the partition's end is not known or the answer is too old.
    package func lag(now: Int64, thresholds: StatusThresholds = StatusThresholds()) -> Int64? {
        guard let endOffset, let endAt, now - endAt <= thresholds.endMilliseconds else { return nil }
        return max(0, nextOffset.distance(to: max(endOffset, highWatermarkOffset ?? 0)))
    }
}

extension ServiceHealth {
    /// Records that wait in Kafka, in all partitions; nil when the end of any partition is not known.
    package func lag(now: Int64) -> Int64? {
        guard !partitions.isEmpty else { return nil }
        var sum: Int64 = 0
        for partition in partitions {
            guard let lag = partition.lag(now: now) else { return nil }
            sum = sum.addingOrBound(lag)
        }
        return sum
    }
}
