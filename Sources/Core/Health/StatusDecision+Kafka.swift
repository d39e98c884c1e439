// The part of the health decision about Kafka: brokers, partitions, transactions, the lag and event times.

import State
import Base

extension StatusDecision {
    /// Unreachable brokers that lead partitions, by name; otherwise Kafka as a whole, when it does not serve the topic.
    package static func kafka(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        let silent = silentLeaders(health, facts, thresholds)
        guard silent.isEmpty else { return silent.map { broker($0, health) } }
        guard let since = health.kafka.failingSince, facts.now - since >= thresholds.contactMilliseconds else {
            return []
        }
        return [
            StatusReason(
                .kafka,
                "Kafka at \(health.brokers) has not served topic \(health.topic) since \(UTCText.milliseconds(since)): "
                    + (health.kafka.reason ?? "no broker answered"), since: since,
                advice:
                    "check brokers, network, --bootstrap-servers, --topic, login and rights, depending on the cause; "
                    + "nothing is lost, and the service resumes when Kafka answers")
        ]
    }

    private static func silentLeaders(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [ServiceHealth.Leader] {
        (health.leaders ?? []).filter {
            $0.silentSince.map { facts.now - $0 >= thresholds.leaderMilliseconds } ?? false
        }
    }

    private static func broker(_ leader: ServiceHealth.Leader, _ health: ServiceHealth) -> StatusReason {
        let since = leader.silentSince.map { " since \(UTCText.milliseconds($0))" } ?? ""
        return StatusReason(
            .kafka,
            "broker \(leader.id) at \(leader.address), which leads \(named(leader.partitions)) of topic \(health.topic), "
                + "has not answered\(since): \(leader.reason ?? "no answer in time")", since: leader.silentSince,
            advice:
                "if that address is wrong for this machine, correct advertised.listeners of the broker; otherwise "
                + "check the broker and the network to it")
    }

    private static func named(_ partitions: [PartitionID]) -> String {
        let shown = partitions.prefix(10).map(\.description).joined(separator: ", ")
        let left = partitions.count > 10 ? " and \(partitions.count - 10) more" : ""
        return (partitions.count == 1 ? "partition " : "partitions ") + shown + left
    }

    // MARK: Partitions

    /// Partitions that cannot be fetched from, and partitions whose records wait but do not arrive.
    package static func partitions(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        // No partition progresses without Kafka, spool space or flushes; each has a reason of its own.
        guard health.kafka.failingSince == nil, !health.isPaused, health.unwrittenSince == nil else { return [] }
        let unreached = Set(silentLeaders(health, facts, thresholds).flatMap(\.partitions))
        return health.partitions.filter { !unreached.contains($0.partition) }.compactMap { partition in
            if let since = partition.failingSince, facts.now - since >= thresholds.partitionMilliseconds {
                return StatusReason(
                    .partition,
                    "partition \(partition.partition) could not be read at offset \(partition.nextOffset) since "
                        + "\(UTCText.milliseconds(since)): \(partition.reason ?? "")", since: since,
                    advice: "check the partition's leader and the rights on the topic: pageviews topic \(health.topic)")
            }
            guard let since = partition.stuckSince, facts.now - since >= thresholds.stuckMilliseconds else {
                return nil
            }
            return StatusReason(
                .stuck,
                "partition \(partition.partition) has been stuck at offset \(partition.nextOffset) since "
                    + "\(UTCText.milliseconds(since)), with "
                    + "\(max(0, partition.nextOffset.distance(to: partition.endOffset ?? 0))) records behind it",
                since: since,
                advice: "check the log of its leader, and the record at that offset: pageviews topic \(health.topic) "
                    + "--partition \(partition.partition) --from \(partition.nextOffset)")
        }
    }

    /// Transactions that stay open. A reader of committed records receives nothing from their first record on.
    package static func transactions(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        guard health.kafka.failingSince == nil else { return [] }
        return health.partitions.compactMap { partition in
            guard let since = partition.transactionSince, facts.now - since >= thresholds.transactionMilliseconds,
                let first = partition.endOffset
            else { return nil }
            let behind = max(0, first.distance(to: partition.highWatermarkOffset ?? first))
            return StatusReason(
                .transaction,
                "partition \(partition.partition) has had an open transaction at offset \(first) since "
                    + "\(UTCText.milliseconds(since)); \(behind) records from there on cannot be read until it ends",
                since: since,
                advice: "end or restart its producer; if that no longer exists, run kafka-transactions.sh "
                    + "--bootstrap-server \(health.brokers) abort --topic \(health.topic) --partition "
                    + "\(partition.partition) --start-offset \(first)")
        }
    }

    /// A lag that grows: the smallest lag of each of the last minutes is above that of the minute before.
    package static func lag(_ health: ServiceHealth, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard let last = health.samples.last, let lag = last.lag, lag > 0 else { return [] }
        var smallest = [Int64?](repeating: nil, count: thresholds.lagGrowthMinutes + 1)
        for sample in health.samples {
            let minute = Int((last.at - sample.at) / 60_000)
            guard minute >= 0, minute < smallest.count, let lag = sample.lag else { continue }
            smallest[minute] = min(smallest[minute] ?? lag, lag)
        }
        let minutes = smallest.compactMap { $0 }
        guard minutes.count == smallest.count, let first = minutes.last else { return [] }
        guard zip(minutes, minutes.dropFirst()).allSatisfy({ $0 > $1 }) else { return [] }
        return [
            StatusReason(
                .lag,
                "the lag has grown for \(thresholds.lagGrowthMinutes) minutes, from \(first) to \(lag) records: "
                    + "records arrive faster than they are consumed",
                since: last.at - Int64(thresholds.lagGrowthMinutes) * 60_000,
                advice:
                    "check processor and disk of this machine, and the reasons `backlog` and `flush`; the operations "
                    + "guide describes scaling"
            )
        ]
    }

    // MARK: Event times

    /// Recent events too far ahead of the clock to advance the watermark, and partitions that have had only such.
    package static func futureEvents(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        let ahead = facts.isRunning ? facts.health?.partitions ?? [] : []
        return facts.partitions.compactMap { partition in
            let seen = ahead.first { $0.partition == partition.partition }?.future
            let isRecent = seen.map { facts.now - $0.at < thresholds.futureMilliseconds } ?? false
            let hasNoOther = partition.hasOnlyFutureEvents && !partition.isIdle
            guard isRecent || hasNoOther else { return nil }
            var text = "partition \(partition.partition) has events too far ahead of the clock to move the watermark"
            if let seen {
                text +=
                    ": \(seen.count) since the start, the latest at \(UTCText.milliseconds(seen.at)) with a time of "
                    + "\(UTCText.milliseconds(seen.eventTime.milliseconds)), \(Quantity.duration(seen.skew)) ahead"
            }
            if hasNoOther { text += "; it has had no others, so it holds the watermark" }
            return StatusReason(
                .futureEvents, text, since: seen?.firstAt,
                advice:
                    "check the clock and the time unit of the producer, and the clock of this machine; the events are "
                    + "counted; --max-future-skew sets how far ahead of the clock is accepted")
        }
    }
}
