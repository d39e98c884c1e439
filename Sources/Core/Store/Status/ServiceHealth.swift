// What a running service says of itself: a small value that it writes beside its state every second, so that `status` can
// judge it from the files alone. Invariant: nothing secret is in it; every time is milliseconds since the Unix epoch.

/// How a service was when it last wrote.
public struct ServiceHealth: Codable, Equatable, Sendable {
    /// Where a service is between its start and its end.
    public enum Phase: String, Codable, Sendable {
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
    public struct Contact: Codable, Equatable, Sendable {
        /// When it last answered.
        public var answeredAt: Int64?
        /// Since when it has not; nil when it answers.
        public var failingSince: Int64?
        /// Why not, in one line.
        public var reason: String?

        /// Nothing is known of it yet.
        public init() {}
    }

    /// A broker that leads partitions of the topic, as the cluster names it.
    public struct Leader: Codable, Equatable, Sendable {
        /// The broker's number.
        public var id: Int32
        /// The host and port that it advertises.
        public var address: String
        /// The partitions it leads, ascending.
        public var partitions: [Int32]
        /// Since when it does not answer; nil when it does.
        public var silentSince: Int64?
        /// Why not, in one line.
        public var reason: String?

        /// A broker that answers, or has not answered since `silentSince`.
        public init(id: Int32, address: String, partitions: [Int32], silentSince: Int64? = nil, reason: String? = nil) {
            (self.id, self.address, self.partitions) = (id, address, partitions)
            (self.silentSince, self.reason) = (silentSince, reason)
        }
    }

    /// Events of a partition too far ahead of the clock to move the watermark.
    public struct FutureEvents: Codable, Equatable, Sendable {
        /// How many since the start.
        public var count: Int64
        /// When the first of them was consumed.
        public var firstAt: Int64
        /// When the latest was.
        public var at: Int64
        /// The latest one's event time.
        public var eventTime: Int64

        /// A number of them, the latest at `at`.
        public init(count: Int64, firstAt: Int64, at: Int64, eventTime: Int64) {
            (self.count, self.firstAt, self.at, self.eventTime) = (count, firstAt, at, eventTime)
        }

        /// How far ahead of the clock the latest was, in milliseconds.
        public var skew: Int64 { max(0, eventTime - at) }
    }

    /// One partition as the consumer sees it.
    public struct Partition: Codable, Equatable, Sendable {
        /// Its number.
        public var partition: Int32
        /// The next offset to count.
        public var nextOffset: Int64
        /// The offset after its last record, as last heard.
        public var highWatermarkOffset: Int64?
        /// The end up to which it can be read, as its broker said when asked: where a transaction is open, the offset of its
        /// first record. nil when it could not be asked.
        public var endOffset: Int64?
        /// When the broker said so.
        public var endAt: Int64?
        /// Since when the end has stayed before records that are there: a transaction is open. nil when none is.
        public var transactionSince: Int64?
        /// Events too far ahead of the clock; nil when there were none since the start.
        public var future: FutureEvents?
        /// Since when there are records that do not come; nil while it moves or has none.
        public var stuckSince: Int64?
        /// Since when fetching from it fails, and why.
        public var failingSince: Int64?
        /// Why fetching from it fails.
        public var reason: String?
        /// The cluster says that nobody serves it.
        public var isMissing = false

        /// A partition of which nothing but this is known.
        public init(partition: Int32, nextOffset: Int64, highWatermarkOffset: Int64? = nil) {
            (self.partition, self.nextOffset) = (partition, nextOffset)
            self.highWatermarkOffset = highWatermarkOffset
        }
    }

    /// Sums at one moment, for rates.
    public struct Sample: Codable, Equatable, Sendable {
        /// When.
        public var at: Int64
        /// Records that wait in Kafka; nil when that was not known.
        public var lag: Int64?
        /// Records consumed over the life of the state.
        public var consumed: Int64
        /// Of those, late events.
        public var late: Int64
        /// Of those, rejected messages.
        public var rejected: Int64

        /// A sample.
        public init(at: Int64, lag: Int64?, consumed: Int64, late: Int64, rejected: Int64) {
            (self.at, self.lag, self.consumed, self.late, self.rejected) = (at, lag, consumed, late, rejected)
        }
    }

    /// What the ledger does not keep of a commit.
    public struct Commit: Codable, Equatable, Sendable {
        /// Names the commit.
        public var commitID: String
        /// The bytes of its files.
        public var bytes: Int64
        /// How long upload and commit took.
        public var milliseconds: Int64

        /// A commit's size and duration.
        public init(commitID: String, bytes: Int64, milliseconds: Int64) {
            (self.commitID, self.bytes, self.milliseconds) = (commitID, bytes, milliseconds)
        }
    }

    /// A process that keeps the write-ahead log from starting again.
    public struct Reader: Codable, Equatable, Sendable {
        /// The process.
        public var pid: Int32
        /// Since when it was seen to read, at least.
        public var since: Int64
    }

    /// The process.
    public var pid: Int32
    /// The machine's name: a process id means something only there.
    public var host: String
    /// The program's version.
    public var version: String
    /// When it started.
    public var startedAt: Int64
    /// When this was written.
    public var beatAt: Int64
    /// When the loop that counts last turned.
    public var loopAt: Int64
    /// Where it is between start and end.
    public var phase = Phase.starting
    /// Why it ended, when it failed.
    public var failure: String?
    /// The code of the reason that its failure is, where it has one of its own.
    public var failureCode: String?
    /// The brokers, as the user gave them.
    public var brokers: String
    /// The topic.
    public var topic: String
    /// The address of its pages; nil when it has none.
    public var listen: String?
    /// The settings by which it is judged.
    public var settings: HealthSettings
    /// Kafka.
    public var kafka = Contact()
    /// Where exports go; nil without export.
    public var warehouse: Contact?
    /// The exporter's cycles; nil without export.
    public var export: Contact?
    /// The publishers' topics, by the names of their outboxes; nil in files of earlier versions.
    public var publishing: [String: Contact]?
    /// Since when the state could not be written; nil when it can.
    public var unwrittenSince: Int64?
    /// Why not.
    public var unwrittenReason: String?
    /// Consuming waits for room in the spool.
    public var isPaused = false
    /// The brokers that lead the topic's partitions; nil while they are not known.
    public var leaders: [Leader]?
    /// The partitions that are read.
    public var partitions: [Partition] = []
    /// Sums of the last minutes, oldest first.
    public var samples: [Sample] = []
    /// The last commits, newest last.
    public var commits: [Commit] = []
    /// Memory in use.
    public var residentBytes: Int64 = 0
    /// Processes that read the state now.
    public var readers: [Reader] = []

    /// A service that has just started.
    public init(
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
public struct HealthSettings: Codable, Equatable, Sendable {
    /// The time between flushes, in milliseconds.
    public var flushIntervalMilliseconds: Int64
    /// The time between exports, in milliseconds; nil without export.
    public var exportIntervalMilliseconds: Int64?
    /// The most bytes that may wait for export; nil without export.
    public var spoolBudgetBytes: Int64?

    /// Settings.
    public init(
        flushIntervalMilliseconds: Int64, exportIntervalMilliseconds: Int64? = nil, spoolBudgetBytes: Int64? = nil
    ) {
        self.flushIntervalMilliseconds = flushIntervalMilliseconds
        self.exportIntervalMilliseconds = exportIntervalMilliseconds
        self.spoolBudgetBytes = spoolBudgetBytes
    }
}
