// Publishes the rows of an outbox, each once.
//
// Invariants: rows are sent in the order of their numbers, by one idempotent producer; before a row is sent its number is on
// the disk; it is marked only when the broker acknowledged it or it was found in the topic; after a crash the end of the
// topic is read back before anything is sent, and after a restore all of it. docs/adr/0008 says what remains.

public import Base
internal import Kafka
public import Log
public import Store

/// Publishes late events, or rejected messages.
public final class OutboxPublisher {
    private let settings: OutboxSettings
    private let store: SharedStore
    private let stop: StopSignal
    private let time: TimeSource
    private let failPoint: (String) -> Void
    private let log: Logger
    private var stateID = ""
    private var partitions = 0
    private var lastSent: Int64 = 0
    private var lastComplaint: String?
    /// The topic's offsets up to which everything of ours is marked.
    private var offsets: [Int32: Int64] = [:]
    /// What the lost state has sent in whose place this one was restored; nil where none was.
    private var sentBefore: SentBefore?
    private var report = Report()
    private static let batch = 1000
    /// How long a question to Kafka may take, in milliseconds.
    private static let patience: Int32 = 5000

    /// What the broker said of the batch under way.
    private final class Report {
        var acknowledged: [Int64] = []
        var ends: [Int32: Int64] = [:]
        var failure: KafkaError?
        var failedPartition: Int32?
        var open = 0
    }

    /// - Parameter failPoint: called at each step whose interruption must be harmless.
    public init(
        settings: OutboxSettings, store: SharedStore, stop: StopSignal, time: TimeSource,
        failPoint: @escaping (String) -> Void, log: Logger
    ) {
        self.settings = settings
        self.store = store
        self.stop = stop
        self.time = time
        self.failPoint = failPoint
        self.log = log.with("topic", "\(settings.topic)").with("outbox", "\(settings.name.rawValue)")
    }

    /// Publishes until it is told to stop, and then what is left, as long as `farewell` milliseconds allow.
    /// - Returns: whether everything was published.
    /// - Throws: `SQLiteError` when the state cannot be read, `KafkaError` for a refused setting.
    public func run(farewell: () -> Int64) throws -> Bool {
        var deadline: Int64?
        var pause = Backoff()
        while true {
            if stop.wasSet, deadline == nil { deadline = time.monotonic() + farewell() }
            if let deadline, time.monotonic() >= deadline { return try pending().isEmpty }
            do {
                let wasBusy = try publishOnce(until: deadline)
                pause.reset()
                lastComplaint = nil
                if !wasBusy {
                    if stop.wasSet { return true }
                    stop.wait(milliseconds: 200)
                }
            } catch let error as KafkaError where !error.isInvalidSetting {
                complain(error)
                rest(pause.next())
            }
        }
    }

    private func rest(_ milliseconds: Int64) {
        if stop.wasSet {
            StopSignal().wait(milliseconds: min(milliseconds, 500))
        } else {
            stop.wait(milliseconds: milliseconds)
        }
    }

    private func complain(_ error: KafkaError) {
        let text = "topic \(settings.topic) at \(settings.bootstrapServers): \(error.message)"
        guard text != lastComplaint else { return }
        lastComplaint = text
        var facts = Facts.place(partition: report.failedPartition, offset: nil)
        // The row that waits, by where it came from.
        if let row = try? pending().first {
            facts["source_partition"] = .stringConvertible(row.partition)
            facts["source_offset"] = .stringConvertible(row.offset)
        }
        log.warning("\(text); \(settings.name.rawValue) events wait in the state; trying again", metadata: facts)
    }

    private func pending() throws -> [OutboxRow] {
        try store.with { try $0.unpublished(settings.name, after: 0, limit: 1) }
    }

    /// One round: connects and looks back when that is due, then sends a batch.
    /// - Returns: false when there was nothing to do.
    private func publishOnce(until deadline: Int64?) throws -> Bool {
        let rows = try store.with { try $0.unpublished(settings.name, after: lastSent, limit: Self.batch) }
        guard !rows.isEmpty else {
            try forgetLostState()
            return false
        }
        guard try prepare() else { return true }
        // What was found in the topic is marked now.
        let left = try passOver(
            try store.with { try $0.unpublished(settings.name, after: lastSent, limit: Self.batch) })
        if !left.isEmpty { try send(left, until: deadline) }
        return true
    }

    /// Marks rows that a lost state has sent.
    /// - Returns: the others.
    private func passOver(_ rows: [OutboxRow]) throws -> [OutboxRow] {
        guard let sentBefore else { return rows }
        var rest: [OutboxRow] = []
        var sent: [Int64] = []
        for row in rows {
            if sentBefore.contains(partition: row.partition, offset: row.offset) {
                sent.append(row.number)
            } else {
                rest.append(row)
            }
        }
        guard !sent.isEmpty else { return rows }
        let now = time.wall()
        try store.with { try $0.markPublished(settings.name, numbers: sent, offsets: offsets, now: now) }
        return rest
    }

    /// Once everything that the lost state had sent was read again, the topic need not be looked through any more.
    private func forgetLostState() throws {
        guard let sentBefore else { return }
        let isOver = try store.with { store in
            // In one go: a flush between the two questions would bring rows that are not marked yet.
            guard try store.unpublished(settings.name, after: 0, limit: 1).isEmpty,
                sentBefore.isBelow(try store.progress().partitions)
            else { return false }
            try store.forgetRestored(settings.name)
            return true
        }
        if isOver { self.sentBefore = nil }
    }

    // MARK: Connecting and looking back

    private var producer: Producer?

    /// Connects, makes the topic where it is missing, and finds out what of the outbox it has.
    /// - Returns: false when it was stopped meanwhile.
    private func prepare() throws -> Bool {
        guard producer == nil else { return true }
        stateID = try store.with { try $0.meta("state_id") ?? "" }
        guard !stateID.isEmpty else { return false }
        let report = Report()
        let made = try Producer(
            settings: settings.kafka + [
                ("enable.idempotence", "true"), ("message.timeout.ms", "0"), ("linger.ms", "5"),
            ],
            log: { _ in }, delivered: { Self.take($0, into: report) })
        partitions = try topicPartitions(made)
        let (known, restored) = try store.with {
            (try $0.outboxOffsets(settings.name, topic: settings.topic), try $0.restoredOffsets(settings.name))
        }
        offsets = [:]
        for partition in 0..<Int32(clamping: partitions) {
            let range = try made.offsets(of: settings.topic, partition: partition, timeoutMilliseconds: Self.patience)
            // A partition that is new, or an offset that the topic does not have (any more, or yet: it was made anew): everything
            // there is looked at.
            offsets[partition] =
                known.map { known in
                    known[partition].map { $0 >= range.low && $0 <= range.high ? $0 : range.low } ?? range.low
                } ?? range.high
            // Where in it the lost state's records are is not known.
            if restored != nil { offsets[partition] = range.low }
        }
        if known != nil || restored != nil { guard try lookBack(restored) else { return false } }
        self.report = report
        producer = made
        return true
    }

    private func topicPartitions(_ producer: Producer) throws -> Int {
        do {
            return try producer.partitionCount(of: settings.topic, timeoutMilliseconds: Self.patience)
        } catch let error as KafkaError where error.isUnknownTopic {
            let made = try producer.createTopic(
                settings.topic, partitions: settings.newTopicPartitions, timeoutMilliseconds: 10_000)
            if made.isNew {
                log.info(
                    "created topic \(settings.topic) with \(made.partitions) partitions",
                    metadata: ["partitions": .stringConvertible(made.partitions)])
            }
            return made.partitions
        }
    }

    private func lookBack(_ restored: [Int32: Int64]?) throws -> Bool {
        if restored != nil { log.info("the state was restored: looking for its events in topic \(settings.topic)") }
        let began = time.monotonic()
        let sent = restored.map { SentBefore(restored: $0) }
        let tail = try TopicTail.read(settings, from: offsets, stateID: stateID, sentBefore: sent, time: time) {
            // A stop does not end it at once: without it nothing more can be published.
            !stop.wasSet || time.monotonic() - began < 3000
        }
        guard let tail else { return false }
        offsets = tail.ends
        sentBefore = tail.sentBefore
        let now = time.wall()
        try store.with { try $0.markPublished(settings.name, numbers: tail.numbers, offsets: tail.ends, now: now) }
        return true
    }

    // MARK: Sending

    private func send(_ rows: [OutboxRow], until deadline: Int64?) throws {
        guard let producer, let last = rows.last else { return }
        try store.with {
            try $0.beginPublishing(settings.name, topic: settings.topic, upTo: last.number, from: offsets)
        }
        failPoint("\(settings.name.rawValue).numbered")
        for row in rows { try send(row, producer) }
        while report.open > 0, report.failure == nil, deadline.map({ time.monotonic() < $0 }) ?? true {
            if producer.flush(timeoutMilliseconds: 200) { break }
            if let error = producer.takeErrors().last { complain(error) }
        }
        failPoint("\(settings.name.rawValue).sent")
        try book()
        lastSent = last.number
    }

    private func send(_ row: OutboxRow, _ producer: Producer) throws {
        let target = row.partition % Int32(clamping: max(1, partitions))
        while true {
            do {
                try row.payload.withUnsafeBytes { payload in
                    try producer.send(
                        topic: settings.topic, partition: target, key: OutboxKey.text(row), value: payload,
                        header: OutboxHeader.name,
                        headerValue: OutboxHeader.text(stateID: stateID, number: row.number), tag: Int(row.number))
                }
                report.open += 1
                return
            } catch let error as KafkaError where error.isQueueFull {
                producer.poll(timeoutMilliseconds: 100)
            }
        }
    }

    private static func take(_ delivery: Delivery, into report: Report) {
        report.open -= 1
        if let failure = delivery.failure {
            (report.failure, report.failedPartition) = (failure, delivery.partition)
        } else {
            report.acknowledged.append(Int64(delivery.tag))
            report.ends[delivery.partition] = max(report.ends[delivery.partition] ?? 0, delivery.offset + 1)
        }
    }

    /// Marks what was acknowledged. After a failure everything starts again from what the topic has.
    private func book() throws {
        let failure = report.failure
        // Offsets only go back where the topic was made anew.
        for (partition, end) in report.ends { offsets[partition] = end }
        let now = time.wall()
        let acknowledged = report.acknowledged
        // With a failure the offsets stay: the look back begins there.
        let isClean = failure == nil && report.open == 0
        let known = try store.with { try $0.outboxOffsets(settings.name, topic: settings.topic) } ?? offsets
        try store.with {
            try $0.markPublished(
                settings.name, numbers: acknowledged, offsets: isClean ? offsets : known, now: now)
        }
        if !acknowledged.isEmpty {
            log.debug(
                "published \(acknowledged.count) \(settings.name.rawValue) events",
                metadata: [
                    "events": .stringConvertible(acknowledged.count),
                    "offsets": Facts.ends(report.ends.map { ($0, $1) }),
                ])
        }
        report.acknowledged = []
        report.ends = [:]
        guard let failure else { return }
        producer = nil
        lastSent = 0
        throw failure
    }
}
