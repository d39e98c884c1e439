// What the brokers said when they were asked for the partitions' ends.
// Invariant: an end that could not be asked for is not known, whatever was heard before.

package import Base

extension HealthBoard {
    /// The brokers were asked for the ends of the partitions that they lead.
    /// - Parameters:
    ///   - ends: the ends up to which partitions can be read, of those that answered.
    ///   - leaders: the brokers that lead them, with the reason where one did not answer.
    ///   - now: when they were asked.
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

    /// Nobody could be asked: no end is known. A broker that did not answer before may be why, so it stays.
    package func couldNotAsk(now: Int64) {
        update { health in
            let silent = (health.leaders ?? []).filter { $0.silentSince != nil }
            health.leaders = silent.isEmpty ? nil : silent
            for index in health.partitions.indices { health.partitions[index].heard(end: nil, now: now) }
        }
    }
}

extension ServiceHealth.Partition {
    /// The broker said that it can be read up to `end`; nil when it said nothing.
    package mutating func heard(end: KafkaOffset?, now: Int64) {
        guard let end else {
            (endOffset, endAt) = (nil, nil)
            return
        }
        // An end that stays before records that are there is where a transaction is open.
        let isHeld = (highWatermarkOffset ?? 0) > end
        transactionSince = isHeld ? (endOffset == end ? transactionSince : nil) ?? now : nil
        (endOffset, endAt) = (end, now)
    }

    /// The records that wait in Kafka; nil when its end is not known.
    package func lag(now: Int64, thresholds: StatusThresholds = StatusThresholds()) -> Int64? {
        guard let endOffset, let endAt, now - endAt <= thresholds.endMilliseconds else { return nil }
        return max(0, nextOffset.distance(to: max(endOffset, highWatermarkOffset ?? 0)))
    }
}

extension ServiceHealth {
    /// The records that wait in Kafka, in all partitions; nil when the end of one is not known.
    package func lag(now: Int64) -> Int64? {
        guard !partitions.isEmpty else { return nil }
        var sum: Int64 = 0
        for partition in partitions {
            guard let lag = partition.lag(now: now) else { return nil }
            sum += lag
        }
        return sum
    }
}
