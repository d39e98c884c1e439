// The health that a running service writes beside its state every second, so that `status` needs only the files.
// The value contains no secrets: readers of the state may read it. All times are milliseconds since the Unix epoch.

package import Base

/// The health of a service when it last wrote its heartbeat.
package struct ServiceHealth: Codable, Equatable, Sendable {
    /// The phases between a service's start and its end.
    package enum Phase: String, Codable, Sendable {
        /// The service waits for Kafka or the topic.
        case starting
        /// The service counts.
        case running
        /// The service was asked to stop and writes its last flush.
        case stopping
        /// The service ended because it was asked to.
        case stopped
        /// The service ended because it reached the end of its input.
        case finished
        /// The service ended with the error in `failure`.
        case failed
    }

    /// A remote system.
    package struct Contact: Codable, Equatable, Sendable {
        /// When it last answered; nil when it never has.
        package var answeredAt: Int64?
        /// When it stopped answering; nil while it answers.
        package var failingSince: Int64?
        /// Why it does not answer, in one line.
        package var reason: String?

        /// A system that was not contacted yet.
        package init() {}
    }

    /// A broker that leads partitions of the topic, as the cluster names it.
    package struct Leader: Codable, Equatable, Sendable {
        /// The broker's number.
        package var id: Int32
        /// The host and port that it advertises.
        package var address: String
        /// The partitions it leads, ascending.
        package var partitions: [PartitionID]
        /// When it stopped answering; nil while it answers.
        package var silentSince: Int64?
        /// Why it does not answer, in one line.
        package var reason: String?

        /// A leader from its parts.
        package init(
            id: Int32, address: String, partitions: [PartitionID], silentSince: Int64? = nil, reason: String? = nil
        ) {
            (self.id, self.address, self.partitions) = (id, address, partitions)
            (self.silentSince, self.reason) = (silentSince, reason)
        }
    }

    /// Events of a partition too far ahead of the clock to move the watermark.
    package struct FutureEvents: Codable, Equatable, Sendable {
        /// The number of events since the service started.
        package var count: Int64
        /// When the first of them was consumed.
        package var firstAt: Int64
        /// When the latest of them was consumed.
        package var at: Int64
        /// The event time of the latest one, in the unit of the file.
        private var eventTimeMilliseconds: Int64

        /// `count` events, the latest consumed at `at`.
        package init(count: Int64, firstAt: Int64, at: Int64, eventTime: EventTime) {
            (self.count, self.firstAt, self.at) = (count, firstAt, at)
            eventTimeMilliseconds = eventTime.milliseconds
        }

        private enum CodingKeys: String, CodingKey {
            case count, firstAt, at
            case eventTimeMilliseconds = "eventTime"
        }

        /// The event time of the latest one.
        package var eventTime: EventTime { EventTime(milliseconds: eventTimeMilliseconds) }

        /// How far the latest one was ahead of the clock, in milliseconds; not negative.
        package var skew: Int64 { max(0, eventTimeMilliseconds - at) }
    }

    /// One partition as the consumer sees it.
    package struct Partition: Codable, Equatable, Sendable {
        /// Its number.
        package var partition: PartitionID
        /// The offset to count next.
        package var nextOffset: KafkaOffset
        /// The high watermark (exclusive) that the broker last reported.
        package var highWatermarkOffset: KafkaOffset?
        /// The end (exclusive) up to which the partition can be read, as its broker answered: the first record of an
        /// open transaction where there is one. nil when the broker did not answer the last request.
        package var endOffset: KafkaOffset?
        /// When the broker answered.
        package var endAt: Int64?
        /// Since when the end has been below the high watermark because of an open transaction; nil when none is open.
        package var transactionSince: Int64?
        /// Events too far ahead of the clock; nil when there were none since the start.
        package var future: FutureEvents?
        /// Since when records wait but do not arrive; nil while records arrive or none wait.
        package var stuckSince: Int64?
        /// Since when fetches from the partition fail; nil while they succeed.
        package var failingSince: Int64?
        /// Why fetches from the partition fail.
        package var reason: String?
        /// Whether the cluster reports that no broker serves the partition.
        var isMissing = false

        /// A partition of which only the offsets are known.
        package init(partition: PartitionID, nextOffset: KafkaOffset, highWatermarkOffset: KafkaOffset? = nil) {
            (self.partition, self.nextOffset) = (partition, nextOffset)
            self.highWatermarkOffset = highWatermarkOffset
        }
    }

    /// Sums at one moment, for rates.
    package struct Sample: Codable, Equatable, Sendable {
        /// When the sample was taken.
        package var at: Int64
        /// Records that waited in Kafka; nil when the number was not known.
        package var lag: Int64?
        /// Records consumed over the life of the state.
        package var consumed: Int64
        /// Late events among them.
        package var late: Int64
        /// Rejected messages among them.
        package var rejected: Int64

        /// A sample.
        package init(at: Int64, lag: Int64?, consumed: Int64, late: Int64, rejected: Int64) {
            (self.at, self.lag, self.consumed, self.late, self.rejected) = (at, lag, consumed, late, rejected)
        }
    }

    /// The facts of a commit that the ledger does not keep.
    package struct Commit: Codable, Equatable, Sendable {
        /// The commit's id.
        package var commitID: String
        /// The size of its files, in bytes.
        package var bytes: Int64
        /// The duration of upload and commit, in milliseconds.
        package var milliseconds: Int64

        /// A commit's size and duration.
        package init(commitID: String, bytes: Int64, milliseconds: Int64) {
            (self.commitID, self.bytes, self.milliseconds) = (commitID, bytes, milliseconds)
        }
    }

    /// A process whose read transaction keeps the write-ahead log from being reset.
    package struct Reader: Codable, Equatable, Sendable {
        /// The process id.
        package var pid: Int32
        /// When the process was first seen reading.
        package var since: Int64
    }

    /// The process id.
    package var pid: Int32
    /// The machine's name. A process id is valid only on that machine.
    package var host: String
    /// The program's version.
    package var version: String
    /// When the service started.
    package var startedAt: Int64
    /// When this value was written.
    package var beatAt: Int64
    /// When the counting loop last completed an iteration.
    package var loopAt: Int64
    /// The phase.
    package var phase = Phase.starting
    /// Why the service failed; nil when it did not.
    package var failure: String?
    /// The status code of the failure, where it has one of its own.
    package var failureCode: String?
    /// The bootstrap servers, as the user gave them.
    package var brokers: String
    /// The topic's name.
    package var topic: String
    /// The address of the service's pages; nil when it serves none.
    package var listen: String?
    /// The settings that the health decision needs.
    package var settings: HealthSettings
    /// Kafka.
    package var kafka = Contact()
    /// The warehouse; nil without export.
    package var warehouse: Contact?
    /// The exporter's cycles; nil without export.
    package var export: Contact?
    /// The publishers' topics by outbox name; nil in files of earlier versions.
    package var publishing: [String: Contact]?
    /// Since when flushes fail; nil while they succeed.
    package var unwrittenSince: Int64?
    /// Why flushes fail.
    package var unwrittenReason: String?
    /// Whether the consumer waits for space in the spool.
    package var isPaused = false
    /// The brokers that lead the topic's partitions; nil while they are not known.
    package var leaders: [Leader]?
    /// The partitions that the service reads.
    package var partitions: [Partition] = []
    /// Sums of the last minutes, oldest first.
    package var samples: [Sample] = []
    /// The last commits, newest last.
    package var commits: [Commit] = []
    /// The process's resident memory, in bytes.
    package var residentBytes: Int64 = 0
    /// Processes that are reading the state.
    package var readers: [Reader] = []

    /// A service that has just started.
    package init(
        pid: Int32, host: String, version: String, now: Int64, brokers: String, topic: String, settings: HealthSettings
    ) {
        (self.pid, self.host, self.version) = (pid, host, version)
        (startedAt, beatAt, loopAt) = (now, now, now)
        (self.brokers, self.topic, self.settings) = (brokers, topic, settings)
        guard settings.exportIntervalMilliseconds != nil else { return }
        (warehouse, export) = (Contact(), Contact())
    }
}

/// The service's settings that the health decision needs.
package struct HealthSettings: Codable, Equatable, Sendable {
    /// The time between flushes, in milliseconds.
    package var flushIntervalMilliseconds: Int64
    /// The time between exports, in milliseconds; nil without export.
    package var exportIntervalMilliseconds: Int64?
    /// The limit of bytes that wait for export; nil without export.
    package var spoolBudgetBytes: Int64?

    /// Settings.
    package init(
        flushIntervalMilliseconds: Int64, exportIntervalMilliseconds: Int64? = nil, spoolBudgetBytes: Int64? = nil
    ) {
        self.flushIntervalMilliseconds = flushIntervalMilliseconds
        self.exportIntervalMilliseconds = exportIntervalMilliseconds
        self.spoolBudgetBytes = spoolBudgetBytes
    }
}
