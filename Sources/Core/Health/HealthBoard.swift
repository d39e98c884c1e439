// Where the threads of a service note how they are, for the heartbeat, the pages and the metrics.
// Invariants: every note is a few assignments under a lock that is never held for longer; nothing here fails; the clock is
// the caller's, milliseconds since the Unix epoch.

package import State
package import Base

/// One partition as the counting loop sees it.
package struct PartitionReading: Sendable {
    package let progress: PartitionProgress
    package let future: ServiceHealth.FutureEvents?

    /// A reading of this progress.
    /// - Parameter future: the events since the start that were too far ahead of the clock.
    package init(_ progress: PartitionProgress, future: ServiceHealth.FutureEvents? = nil) {
        (self.progress, self.future) = (progress, future)
    }
}

/// The health of a service in this process.
package final class HealthBoard: Sendable {
    private let health: Lock<ServiceHealth>
    /// The time between two samples.
    static let sampleMilliseconds: Int64 = 5000
    /// Samples of ten minutes and a little.
    package static let sampleCount = 125
    static let commitCount = 50

    /// A board that begins with `health`.
    package init(_ health: ServiceHealth) { self.health = Lock(health) }

    /// Everything noted so far.
    package var current: ServiceHealth { health.withLock { $0 } }

    /// Changes what is noted.
    package func update(_ change: @Sendable (inout ServiceHealth) -> Void) { health.withLock { change(&$0) } }

    // MARK: Counting

    /// Kafka did not answer, or the topic is not there.
    package func kafkaFailed(_ reason: String, now: Int64) {
        update { health in
            health.kafka.failed(reason, now)
            // What the client says of one broker says more than that it does not answer.
            guard
                let index = health.leaders?.firstIndex(where: { $0.silentSince != nil && reason.contains($0.address) })
            else { return }
            health.leaders?[index].reason = reason
        }
    }

    /// The loop turned.
    package func turned(now: Int64) { update { $0.loopAt = now } }

    /// A flush was written.
    package func flushed() {
        update { health in
            guard health.unwrittenSince != nil else { return }
            (health.unwrittenSince, health.unwrittenReason) = (nil, nil)
        }
    }

    /// A flush could not be written.
    package func flushFailed(_ reason: String, now: Int64) {
        update {
            $0.unwrittenSince = $0.unwrittenSince ?? now; $0.unwrittenReason = reason; $0.loopAt = now
        }
    }

    /// Fetching from a partition failed.
    package func partitionFailed(_ partition: PartitionID, _ reason: String, now: Int64) {
        update { health in
            guard let index = health.partitions.firstIndex(where: { $0.partition == partition }) else { return }
            health.partitions[index].failingSince = health.partitions[index].failingSince ?? now
            health.partitions[index].reason = reason
        }
    }

    /// The cluster answered.
    /// - Parameter missing: the partitions that nobody serves, and why.
    package func discovered(missing: [PartitionID: String], now: Int64) {
        update { health in
            health.kafka.answered(now)
            for index in health.partitions.indices {
                let partition = health.partitions[index]
                if let reason = missing[partition.partition] {
                    health.partitions[index].failingSince = partition.failingSince ?? now
                    (health.partitions[index].reason, health.partitions[index].isMissing) = (reason, true)
                } else if partition.isMissing {
                    (health.partitions[index].failingSince, health.partitions[index].reason) = (nil, nil)
                    health.partitions[index].isMissing = false
                }
            }
        }
    }

    /// A partition was read to its end without a fault.
    package func partitionAnswered(_ partition: PartitionID, now: Int64) {
        update { health in
            health.kafka.answered(now)
            guard let index = health.partitions.firstIndex(where: { $0.partition == partition }) else { return }
            (health.partitions[index].failingSince, health.partitions[index].reason) = (nil, nil)
        }
    }

    /// What the loop sees, about once a second.
    /// - Parameter isPaused: nothing is fetched on purpose.
    package func observe(_ readings: [PartitionReading], isPaused: Bool, now: Int64) {
        update { health in
            (health.loopAt, health.isPaused) = (now, isPaused)
            if health.phase == .starting { health.phase = .running }
            var before: [PartitionID: ServiceHealth.Partition] = [:]
            for partition in health.partitions { before[partition.partition] = partition }
            // Records came, so Kafka is there.
            let hasMoved = readings.contains { reading in
                before[reading.progress.partition].map { $0.nextOffset != reading.progress.nextOffset } ?? false
            }
            if hasMoved { health.kafka.answered(now) }
            health.partitions = readings.map { reading in
                let moved = reading.moved(from: before[reading.progress.partition], now: now)
                return isPaused ? moved.notStuck : moved
            }
            health.sample(readings, now: now)
        }
    }

    // MARK: Publishing

    /// A publisher has published what there was, or had nothing to do.
    package func published(_ name: OutboxName, now: Int64) {
        update { health in
            var contact = health.publishing?[name.rawValue] ?? .init()
            contact.answered(now)
            health.publishing = (health.publishing ?? [:]).merging([name.rawValue: contact]) { $1 }
        }
    }

    /// A publisher cannot publish.
    /// - Parameter reason: what failed, on what, what to do, in one line.
    package func publishingFailed(_ name: OutboxName, _ reason: String, now: Int64) {
        update { health in
            var contact = health.publishing?[name.rawValue] ?? .init()
            contact.failed(reason, now)
            health.publishing = (health.publishing ?? [:]).merging([name.rawValue: contact]) { $1 }
        }
    }

    // MARK: Export

    /// A cycle of the exporter ended well.
    package func exportSucceeded(now: Int64) {
        update {
            $0.export?.answered(now); $0.warehouse?.answered(now)
        }
    }

    /// A cycle of the exporter failed.
    package func exportFailed(_ reason: String, now: Int64) { update { $0.export?.failed(reason, now) } }

    /// The result of a probe of the warehouse: nil when it responded.
    package func warehouseAsked(failure: String?, now: Int64) {
        update { health in
            if let failure { health.warehouse?.failed(failure, now) } else { health.warehouse?.answered(now) }
        }
    }

    /// A commit was made.
    package func committed(_ commit: ServiceHealth.Commit) {
        update { $0.commits = $0.commits.suffix(Self.commitCount - 1) + [commit] }
    }

    // MARK: The end

    /// The service is in another phase. What ended with an error stays so.
    package func enter(_ phase: ServiceHealth.Phase) {
        update { if $0.phase != .failed { $0.phase = phase } }
    }

    /// The service ends with an error.
    /// - Parameter code: the code of the reason that it is, where it has one of its own.
    package func fail(_ reason: String, code: StatusReason.Code? = nil) {
        update { health in
            if health.failure == nil { (health.failure, health.failureCode) = (reason, code?.rawValue) }
            health.phase = .failed
        }
    }
}

extension ServiceHealth.Contact {
    package mutating func answered(_ now: Int64) { (answeredAt, failingSince, reason) = (now, nil, nil) }

    package mutating func failed(_ why: String, _ now: Int64) { (failingSince, reason) = (failingSince ?? now, why) }
}

extension PartitionReading {
    /// The same partition a moment later.
    package func moved(from before: ServiceHealth.Partition?, now: Int64) -> ServiceHealth.Partition {
        let nextOffset = progress.nextOffset
        let hasMoved = before?.nextOffset != nextOffset
        var partition = ServiceHealth.Partition(
            partition: progress.partition, nextOffset: nextOffset, highWatermarkOffset: progress.highWatermarkOffset)
        (partition.endOffset, partition.endAt) = (before?.endOffset, before?.endAt)
        (partition.transactionSince, partition.future) = (before?.transactionSince, future)
        if !hasMoved, let before {
            (partition.failingSince, partition.reason) = (before.failingSince, before.reason)
            partition.isMissing = before.isMissing
        }
        // Records behind an open transaction cannot come yet.
        let waits = (partition.endOffset ?? 0) > nextOffset
        partition.stuckSince = waits ? (hasMoved ? nil : before?.stuckSince) ?? now : nil
        return partition
    }
}

extension ServiceHealth.Partition {
    var notStuck: Self {
        var copy = self
        copy.stuckSince = nil
        return copy
    }
}

extension ServiceHealth {
    /// Records the present readers of the state; known ones keep their earlier time.
    package mutating func see(readers pids: Set<Int32>, now: Int64) {
        readers = pids.sorted().map { pid in readers.first { $0.pid == pid } ?? Reader(pid: pid, since: now) }
    }

    package mutating func sample(_ readings: [PartitionReading], now: Int64) {
        if let last = samples.last, now - last.at < HealthBoard.sampleMilliseconds, now >= last.at { return }
        var sample = Sample(at: now, lag: lag(now: now), consumed: 0, late: 0, rejected: 0)
        for progress in readings.map(\.progress) {
            sample.consumed += progress.consumed
            sample.late += progress.late
            sample.rejected += progress.rejected
        }
        samples = samples.suffix(HealthBoard.sampleCount - 1) + [sample]
    }
}
