// The health of the service in this process: its threads report here; the heartbeat, the pages and the metrics read it.
// An update is a few assignments under a lock and does no I/O, so it neither blocks nor fails. `now` is the caller's
// wall clock, in milliseconds since the Unix epoch.

package import State
package import Base

/// One partition as the counting loop sees it.
package struct PartitionReading: Sendable {
    /// The partition's progress.
    package let progress: PartitionProgress
    /// Events since the start that were too far ahead of the clock; nil when there were none.
    package let future: ServiceHealth.FutureEvents?

    /// A reading of this progress.
    package init(_ progress: PartitionProgress, future: ServiceHealth.FutureEvents? = nil) {
        (self.progress, self.future) = (progress, future)
    }
}

/// The health of a service in this process.
package final class HealthBoard: Sendable {
    private let health: Lock<ServiceHealth>
    /// The shortest time between two samples.
    static let sampleMilliseconds: Int64 = 5000
    /// The number of samples kept: those of a little more than ten minutes.
    package static let sampleCount = 125
    /// The number of commits kept.
    static let commitCount = 50

    /// A board that begins with `health`.
    package init(_ health: ServiceHealth) { self.health = Lock(health) }

    /// The health as of now.
    package var current: ServiceHealth { health.withLock { $0 } }

    /// Changes the health under the lock.
    package func update(_ change: @Sendable (inout ServiceHealth) -> Void) { health.withLock { change(&$0) } }

    // MARK: Counting

    /// Records that Kafka did not answer or the topic does not exist.
    package func kafkaFailed(_ reason: String, now: Int64) {
        update { health in
            health.kafka.failed(reason, now)
            // The client's reason is more specific than a missing answer.
            guard
                let index = health.leaders?.firstIndex(where: { $0.silentSince != nil && reason.contains($0.address) })
            else { return }
            health.leaders?[index].reason = reason
        }
    }

    /// Records that a flush was written.
    package func flushed() {
        update { health in
            guard health.unwrittenSince != nil else { return }
            (health.unwrittenSince, health.unwrittenReason) = (nil, nil)
        }
    }

    /// Records that a flush could not be written.
    package func flushFailed(_ reason: String, now: Int64) {
        update {
            $0.unwrittenSince = $0.unwrittenSince ?? now; $0.unwrittenReason = reason; $0.loopAt = now
        }
    }

    /// Records that a fetch from a partition failed.
    package func partitionFailed(_ partition: PartitionID, _ reason: String, now: Int64) {
        update { health in
            guard let index = health.partitions.firstIndex(where: { $0.partition == partition }) else { return }
            health.partitions[index].failingSince = health.partitions[index].failingSince ?? now
            health.partitions[index].reason = reason
        }
    }

    /// Records an answer of the cluster.
    /// - Parameter missing: the partitions that no broker serves, with the reasons.
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

    /// Records that a partition was read to its end without an error.
    package func partitionAnswered(_ partition: PartitionID, now: Int64) {
        update { health in
            health.kafka.answered(now)
            guard let index = health.partitions.firstIndex(where: { $0.partition == partition }) else { return }
            (health.partitions[index].failingSince, health.partitions[index].reason) = (nil, nil)
        }
    }

    /// Records the state of the counting loop. The loop calls this about once a second.
    /// - Parameter isPaused: whether the loop has stopped fetching because the spool is full.
    package func observe(_ readings: [PartitionReading], isPaused: Bool, now: Int64) {
        update { health in
            (health.loopAt, health.isPaused) = (now, isPaused)
            if health.phase == .starting { health.phase = .running }
            var before: [PartitionID: ServiceHealth.Partition] = [:]
            for partition in health.partitions { before[partition.partition] = partition }
            // Records arrived, so Kafka answers.
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

    /// Records that a publisher has published everything that waited, or that nothing waited.
    package func published(_ name: OutboxName, now: Int64) {
        update { health in
            var contact = health.publishing?[name.rawValue] ?? .init()
            contact.answered(now)
            health.publishing = (health.publishing ?? [:]).merging([name.rawValue: contact]) { $1 }
        }
    }

    /// Records that a publisher cannot publish.
    /// - Parameter reason: one line: what failed, where, and what to do.
    package func publishingFailed(_ name: OutboxName, _ reason: String, now: Int64) {
        update { health in
            var contact = health.publishing?[name.rawValue] ?? .init()
            contact.failed(reason, now)
            health.publishing = (health.publishing ?? [:]).merging([name.rawValue: contact]) { $1 }
        }
    }

    // MARK: Export

    /// Records a successful cycle of the exporter.
    package func exportSucceeded(now: Int64) {
        update {
            $0.export?.answered(now); $0.warehouse?.answered(now)
        }
    }

    /// Records a failed cycle of the exporter.
    package func exportFailed(_ reason: String, now: Int64) { update { $0.export?.failed(reason, now) } }

    /// Records the result of a probe of the warehouse.
    /// - Parameter failure: why the warehouse did not respond; nil when it did.
    package func warehouseAsked(failure: String?, now: Int64) {
        update { health in
            if let failure { health.warehouse?.failed(failure, now) } else { health.warehouse?.answered(now) }
        }
    }

    /// Records a commit.
    package func committed(_ commit: ServiceHealth.Commit) {
        update { $0.commits = $0.commits.suffix(Self.commitCount - 1) + [commit] }
    }

    // MARK: Shutdown

    /// Changes the phase. `failed` is final.
    package func enter(_ phase: ServiceHealth.Phase) {
        update { if $0.phase != .failed { $0.phase = phase } }
    }

    /// Records that the service ends with an error. The first error is kept.
    /// - Parameter code: the status code of this error, where it has one of its own.
    package func fail(_ reason: String, code: StatusReason.Code? = nil) {
        update { health in
            if health.failure == nil { (health.failure, health.failureCode) = (reason, code?.rawValue) }
            health.phase = .failed
        }
    }
}

extension ServiceHealth.Contact {
    /// Records an answer.
    package mutating func answered(_ now: Int64) { (answeredAt, failingSince, reason) = (now, nil, nil) }

    /// Records a failure. The time of the first failure since the last answer is kept.
    package mutating func failed(_ why: String, _ now: Int64) { (failingSince, reason) = (failingSince ?? now, why) }
}

extension PartitionReading {
    /// The partition's health after this reading.
    /// - Parameter before: its health after the previous reading; nil for the first.
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
        // Records behind an open transaction cannot arrive yet, so only those before the readable end count.
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
    /// Records the present readers of the state. Known readers keep the time when they were first seen.
    package mutating func see(readers pids: Set<Int32>, now: Int64) {
        readers = pids.sorted().map { pid in readers.first { $0.pid == pid } ?? Reader(pid: pid, since: now) }
    }

    /// Adds a sample of the sums unless the last one is too recent.
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
