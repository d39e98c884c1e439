// What a running service says of itself: a small value that it writes beside its state every second, so that `status` can
// judge it from the files alone. Invariant: nothing secret is in it; every time is milliseconds since the Unix epoch.

package import Base

/// How a service was when it last wrote.
package struct ServiceHealth: Codable, Equatable, Sendable {
    /// Where a service is between its start and its end.
    package enum Phase: String, Codable, Sendable {
        /// It waits for Kafka or the topic.
        case starting
        /// It counts.
        case running
        /// It was told to stop, and writes what it has.
        case stopping
        /// It ended because it was told to.
        case stopped
        /// It ended because the end of its input was reached.
        case finished
        /// It ended with an error, `failure`.
        case failed
    }

    /// Something outside that is talked to.
    package struct Contact: Codable, Equatable, Sendable {
        /// When it last answered.
        package var answeredAt: Int64?
        /// Since when it has not; nil when it answers.
        package var failingSince: Int64?
        /// Why not, in one line.
        package var reason: String?

        /// Nothing is known of it yet.
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
        /// Since when it does not answer; nil when it does.
        package var silentSince: Int64?
        /// Why not, in one line.
        package var reason: String?

        /// A broker that answers, or has not answered since `silentSince`.
        package init(
            id: Int32, address: String, partitions: [PartitionID], silentSince: Int64? = nil, reason: String? = nil
        ) {
            (self.id, self.address, self.partitions) = (id, address, partitions)
            (self.silentSince, self.reason) = (silentSince, reason)
        }
    }

    /// Events of a partition too far ahead of the clock to move the watermark.
    package struct FutureEvents: Codable, Equatable, Sendable {
        /// How many since the start.
        package var count: Int64
        /// When the first of them was consumed.
        package var firstAt: Int64
        /// When the latest was.
        package var at: Int64
        /// The latest one's event time, as the file has it.
        private var eventTimeMilliseconds: Int64

        /// A number of them, the latest at `at`.
        package init(count: Int64, firstAt: Int64, at: Int64, eventTime: EventTime) {
            (self.count, self.firstAt, self.at) = (count, firstAt, at)
            eventTimeMilliseconds = eventTime.milliseconds
        }

        private enum CodingKeys: String, CodingKey {
            case count, firstAt, at
            case eventTimeMilliseconds = "eventTime"
        }

        /// The latest one's event time.
        package var eventTime: EventTime { EventTime(milliseconds: eventTimeMilliseconds) }

        /// How far ahead of the clock the latest was, in milliseconds.
        package var skew: Int64 { max(0, eventTimeMilliseconds - at) }
    }

    /// One partition as the consumer sees it.
    package struct Partition: Codable, Equatable, Sendable {
        /// Its number.
        package var partition: PartitionID
        /// The next offset to count.
        package var nextOffset: KafkaOffset
        /// The offset after its last record, as last heard.
        package var highWatermarkOffset: KafkaOffset?
        /// The end up to which it can be read, as its broker said when asked: where a transaction is open, the offset of its
        /// first record. nil when it could not be asked.
        package var endOffset: KafkaOffset?
        /// When the broker said so.
        package var endAt: Int64?
        /// Since when the end has stayed before records that are there: a transaction is open. nil when none is.
        package var transactionSince: Int64?
        /// Events too far ahead of the clock; nil when there were none since the start.
        package var future: FutureEvents?
        /// Since when there are records that do not come; nil while it moves or has none.
        package var stuckSince: Int64?
        /// Since when fetching from it fails, and why.
        package var failingSince: Int64?
        /// Why fetching from it fails.
        package var reason: String?
        /// The cluster says that nobody serves it.
        var isMissing = false

        /// A partition of which nothing but this is known.
        package init(partition: PartitionID, nextOffset: KafkaOffset, highWatermarkOffset: KafkaOffset? = nil) {
            (self.partition, self.nextOffset) = (partition, nextOffset)
            self.highWatermarkOffset = highWatermarkOffset
        }
    }

    /// Sums at one moment, for rates.
    package struct Sample: Codable, Equatable, Sendable {
        /// When.
        package var at: Int64
        /// Records that wait in Kafka; nil when that was not known.
        package var lag: Int64?
        /// Records consumed over the life of the state.
        package var consumed: Int64
        /// Of those, late events.
        package var late: Int64
        /// Of those, rejected messages.
        package var rejected: Int64

        /// A sample.
        package init(at: Int64, lag: Int64?, consumed: Int64, late: Int64, rejected: Int64) {
            (self.at, self.lag, self.consumed, self.late, self.rejected) = (at, lag, consumed, late, rejected)
        }
    }

    /// What the ledger does not keep of a commit.
    package struct Commit: Codable, Equatable, Sendable {
        /// Names the commit.
        package var commitID: String
        /// The bytes of its files.
        package var bytes: Int64
        /// How long upload and commit took.
        package var milliseconds: Int64

        /// A commit's size and duration.
        package init(commitID: String, bytes: Int64, milliseconds: Int64) {
            (self.commitID, self.bytes, self.milliseconds) = (commitID, bytes, milliseconds)
        }
    }

    /// A process that keeps the write-ahead log from starting again.
    package struct Reader: Codable, Equatable, Sendable {
        /// The process.
        package var pid: Int32
        /// Since when it was seen to read, at least.
        package var since: Int64
    }

    /// The process.
    package var pid: Int32
    /// The machine's name: a process id means something only there.
    package var host: String
    /// The program's version.
    package var version: String
    /// When it started.
    package var startedAt: Int64
    /// When this was written.
    package var beatAt: Int64
    /// When the loop that counts last turned.
    package var loopAt: Int64
    /// Where it is between start and end.
    package var phase = Phase.starting
    /// Why it ended, when it failed.
    package var failure: String?
    /// The code of the reason that its failure is, where it has one of its own.
    package var failureCode: String?
    /// The brokers, as the user gave them.
    package var brokers: String
    /// The topic.
    package var topic: String
    /// The address of its pages; nil when it has none.
    package var listen: String?
    /// The settings by which it is judged.
    package var settings: HealthSettings
    /// Kafka.
    package var kafka = Contact()
    /// Where exports go; nil without export.
    package var warehouse: Contact?
    /// The exporter's cycles; nil without export.
    package var export: Contact?
    /// The publishers' topics, by the names of their outboxes; nil in files of earlier versions.
    package var publishing: [String: Contact]?
    /// Since when the state could not be written; nil when it can.
    package var unwrittenSince: Int64?
    /// Why not.
    package var unwrittenReason: String?
    /// Consuming waits for room in the spool.
    package var isPaused = false
    /// The brokers that lead the topic's partitions; nil while they are not known.
    package var leaders: [Leader]?
    /// The partitions that are read.
    package var partitions: [Partition] = []
    /// Sums of the last minutes, oldest first.
    package var samples: [Sample] = []
    /// The last commits, newest last.
    package var commits: [Commit] = []
    /// Memory in use.
    package var residentBytes: Int64 = 0
    /// Processes that read the state now.
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

/// The service's settings that its health is judged by.
package struct HealthSettings: Codable, Equatable, Sendable {
    /// The time between flushes, in milliseconds.
    package var flushIntervalMilliseconds: Int64
    /// The time between exports, in milliseconds; nil without export.
    package var exportIntervalMilliseconds: Int64?
    /// The most bytes that may wait for export; nil without export.
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
