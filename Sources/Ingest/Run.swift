// One run of the service over an open state and a reachable cluster.

import Health
import Base
import Kafka
import Log
import SQLite
import State
import Windowing

struct Run {
    let service: IngestService
    let store: SharedStore
    let raw: RawHalf?
    let consumer: Consumer
    let watch: TopicWatch
    var accumulator: Accumulator
    /// The partitions that the state knows and that were not added yet.
    var known: [PartitionProgress]
    var assigned: [Int32] = []
    private var lastFlush: Int64 = 0
    /// When the topic is asked for its partitions again, on the monotonic clock.
    var nextDiscovery: Int64 = 0
    private var lastObservation: Int64 = 0
    private var lastFileCheck: Int64 = 0
    private var lastComplaint: [String: Int64] = [:]
    /// Why Kafka cannot be reached, while it cannot.
    var cause = FailureCause()
    var needsAssignment = false
    /// Partitions whose offsets are asked for again, and what is wrong with their log where that is known.
    var suspects: [Int32: LogChange?] = [:]
    /// Partitions of which nothing is read until their log is as long as what the state has passed.
    var waiting: Set<Int32> = []
    /// The topic's id; nil where it is not known.
    var topicID: String?
    /// The broker that leads each partition, as last heard.
    var leaders: [Int32: Int32] = [:]
    private let commits: GroupCommits
    private var group = GroupOffsets()
    /// When all brokers were last known to be away, on the monotonic clock; nil while one answers.
    private var brokersAwaySince: Int64?

    var settings: IngestSettings { service.settings }

    var isPaused = false
    var rawBackoff = Backoff()
    /// The end of the pause after a raw segment was lost, on the monotonic clock.
    var rawRetryAt: Int64?
    var rawOffsets: [Int32: Int64]
    /// Segments that were closed and whose files are gone, until their events are read again.
    var lost = LostSegments()

    init(
        service: IngestService, store: SharedStore, consumer: Consumer, accumulator: Accumulator, raw: RawHalf?,
        progress: Progress, rawOffsets: [Int32: Int64], topicID: String?
    ) {
        self.service = service
        self.store = store
        self.raw = raw
        self.rawOffsets = rawOffsets
        self.topicID = topicID
        known = progress.partitions
        self.consumer = consumer
        self.accumulator = accumulator
        watch = TopicWatch(topic: service.settings.topic, inquiry: consumer.inquiry)
        commits = consumer.groupCommits()
    }

    // MARK: Start

    /// Waits for the topic and assigns its partitions.
    mutating func start() throws {
        var pause = Backoff()
        let began = service.time.monotonic()
        while !service.stop.wasSet {
            try checkFilesNowAndThen()
            askAboutTopic()
            guard let answer = watch.take(waitMilliseconds: 100) else { continue }
            do {
                try take(try answer.get())
                break
            } catch let error as KafkaError {
                let milliseconds = pause.next()
                noteErrors()
                let reason = cause.words(for: error, now: service.time.wall())
                service.board?.kafkaFailed(
                    error.isUnknownTopic ? "the topic does not exist" : reason, now: service.time.wall())
                try service.giveUp(since: began, error.isUnknownTopic ? missingTopic : reason)
                complain(error.isUnknownTopic ? missingTopic : "topic \(settings.topic): \(reason); trying again")
                service.stop.wait(milliseconds: milliseconds)
            }
        }
        lastFlush = service.time.monotonic()
    }

    /// What the client met meanwhile says more than that no answer came. Nothing is assigned yet, so nothing else comes.
    private mutating func noteErrors() {
        let now = service.time.wall()
        for case .failed(let error) in consumer.poll(timeoutMilliseconds: 0, { _, notices in notices }) {
            service.board?.kafkaFailed(cause.words(for: error, now: now), now: now)
        }
    }

    private var missingTopic: String {
        "topic \(settings.topic) does not exist at \(settings.bootstrapServers); waiting for it "
            + "(create it, or correct --topic)"
    }

    /// The offsets of the counting half, which lag tools see.
    private var countedPositions: [Position] {
        accumulator.flush.partitions.map { Position(partition: $0.partition, offset: $0.nextOffset) }
    }

    private mutating func assign() throws {
        try consumer.assign(topic: settings.topic, accumulator.readPositions.filter { !waiting.contains($0.partition) })
        needsAssignment = false
        isPaused = false
        if rawRetryAt == nil { raw?.resume() }
    }

    // MARK: Loop

    /// Polls, accumulates and flushes until the end.
    mutating func loop() throws {
        while !service.stop.wasSet {
            let notices = poll()
            for notice in notices { try take(notice) }
            accumulator.tick(now: service.time.wall())
            observeNowAndThen()
            try checkFilesNowAndThen()
            if let since = brokersAwaySince { try service.giveUp(since: since, cause.words(now: service.time.wall())) }
            mindForeignLogs()
            try mindRaw()
            if needsAssignment { try assign() }
            let sinceFlush = service.time.monotonic() - lastFlush
            if accumulator.hasNews, accumulator.isFull || sinceFlush >= settings.flushIntervalMilliseconds {
                try flush()
            }
            mindCommits()
            if settings.exitsAtEnd, accumulator.isAtEnd, rawRetryAt == nil, lost.isNone, !needsAssignment,
                suspects.keys.allSatisfy(waiting.contains)
            {
                closeSegment()
                // A segment that cannot be completed is read again.
                if rawRetryAt == nil { return }
            }
            try discoverNowAndThen()
        }
    }

    private mutating func poll() -> [Notice] {
        let sinceFlush = service.time.monotonic() - lastFlush
        // Never long, whatever the flush interval: a stop and idleness are looked at in between.
        let untilFlush = settings.flushIntervalMilliseconds - sinceFlush
        let wait = untilFlush > 0 ? min(untilFlush, 200) : accumulator.hasNews ? 1 : 100
        let (consumer, time) = (consumer, service.time)
        return consumer.poll(timeoutMilliseconds: Int32(clamping: wait)) { records, notices in
            accumulator.take(records, now: time.wall())
            if !records.isEmpty { brokersAwaySince = nil }
            return notices
        }
    }

    private mutating func take(_ notice: Notice) throws {
        switch notice {
        case .endOfPartition(let partition, let offset):
            service.board?.partitionAnswered(partition, now: service.time.wall())
            brokersAwaySince = nil
            accumulator.note(highWatermark: offset, of: partition)
            accumulator.reachedEnd(of: partition, offset: offset, now: service.time.wall())
        case .partitionFailed(let partition, _, let error) where error.isMissingOffset || error.isLogTruncation:
            suspect(partition, error.isLogTruncation ? .cut(at: error.truncationEnd) : nil)
        case .partitionFailed(let partition, let offset, let error):
            service.board?.partitionFailed(partition, error.message, now: service.time.wall())
            complain(
                "topic \(settings.topic) partition \(partition): \(error.message); trying again", partition: partition,
                offset: offset)
        case .failed(let error):
            let reason = cause.words(for: error, now: service.time.wall())
            if error.isAllBrokersDown { brokersAwaySince = brokersAwaySince ?? service.time.monotonic() }
            if error.isConnection || error.isAuthentication {
                service.board?.kafkaFailed(reason, now: service.time.wall())
            }
            // Asked at once, it says whether this is one broken connection, one partition, or the end of them all.
            nextDiscovery = min(nextDiscovery, service.time.monotonic() + 500)
            complain(
                "Kafka at \(settings.bootstrapServers): \(error.isBare ? reason : error.message); trying again",
                partition: Facts.partition(namedIn: error.message, of: settings.topic))
        }
    }

    /// Tells the board, about once a second, how each partition is.
    private mutating func observeNowAndThen() {
        guard let board = service.board, service.time.monotonic() - lastObservation >= 1000 else { return }
        lastObservation = service.time.monotonic()
        for partition in assigned {
            accumulator.note(
                highWatermark: consumer.cachedHighWatermark(of: settings.topic, partition: partition), of: partition)
        }
        board.observe(accumulator.readings, isPaused: isPaused, now: service.time.wall())
    }

    /// The state's files, also while there is nothing to write.
    private mutating func checkFilesNowAndThen() throws {
        guard service.time.monotonic() - lastFileCheck >= 1000 else { return }
        lastFileCheck = service.time.monotonic()
        try store.with { try $0.checkFiles() }
    }

    /// Logs a complaint, the same one at most every ten seconds.
    mutating func complain(_ text: String, partition: Int32? = nil, offset: Int64? = nil) {
        let now = service.time.monotonic()
        if let last = lastComplaint[text], now - last < 10_000 { return }
        if lastComplaint.count > 100 { lastComplaint = [:] }
        lastComplaint[text] = now
        service.log.warning("\(text)", metadata: Facts.place(partition: partition, offset: offset))
    }

    // MARK: Flush

    /// Writes what was accumulated; while that fails, nothing else is done.
    mutating func flush() throws {
        var pause = Backoff()
        while true {
            do {
                try writeOnce()
                break
            } catch let error as SQLiteError {
                let reason = error.isDiskFull ? "the disk is full" : error.message
                if service.stop.wasSet { throw IngestError.notWritten(path: store.path, reason: reason) }
                let milliseconds = pause.next()
                service.board?.flushFailed(reason, now: service.time.wall())
                complain("state \(store.path) cannot be written: \(reason); consuming waits, trying again")
                service.stop.wait(milliseconds: milliseconds)
            }
        }
        group.changed()
        mindCommits()
    }

    // MARK: The group's offsets

    /// Sends what is due, and tells what came back.
    private mutating func mindCommits() {
        let now = service.time.monotonic()
        if let outcome = commits.outcome() {
            if let words = group.ended(outcome, now: now) { complainOfCommit(words) }
        } else if let words = group.silence(now: now) {
            complainOfCommit(words)
        }
        guard group.isDue(now: now) else { return }
        commits.begin(topic: settings.topic, countedPositions)
        if commits.isUnderWay { group.sent(now: now) }
    }

    private mutating func complainOfCommit(_ words: String) {
        complain("group \(settings.group): its offsets were not committed: \(words); lag tools show older ones")
    }

    /// How long the last commit may take, in milliseconds: longest at the end of the input with a broker there, since a new
    /// cluster makes the group's coordinator only now; a service that was told to stop ends soon.
    private var commitLimit: Int64 { brokersAwaySince != nil ? 1000 : service.stop.wasSet ? 2000 : 10_000 }

    /// Commits the last offsets and waits until that is confirmed.
    private mutating func confirmCommit() {
        let began = service.time.monotonic()
        var last = "no answer in time"
        group.changed()
        while true {
            let now = service.time.monotonic()
            if now - began >= commitLimit { break }
            if let outcome = commits.outcome(timeoutMilliseconds: 100) {
                _ = group.ended(outcome, now: now)
                guard case .failed(let error) = outcome else {
                    if group.isPending { continue }
                    return
                }
                last = error.message
                if error.isAuthentication { break }
            }
            if group.isDue(now: now) {
                commits.begin(topic: settings.topic, countedPositions)
                if commits.isUnderWay { group.sent(now: now) }
            } else if !commits.isUnderWay {
                StopSignal().wait(milliseconds: 50)
            }
            // Says whether a broker is there; what it brings besides is read again by the next run.
            for case .failed(let error) in consumer.poll(timeoutMilliseconds: 0, { _, notices in notices })
            where error.isAllBrokersDown { brokersAwaySince = brokersAwaySince ?? now }
        }
        service.log.warning(
            "group \(settings.group): its last offsets were not committed: \(last); lag tools will show older ones",
            metadata: ["offsets": Facts.ends(countedPositions.map { ($0.partition, $0.offset) })])
    }

    private mutating func writeOnce() throws {
        for partition in assigned {
            accumulator.note(
                highWatermark: consumer.cachedHighWatermark(of: settings.topic, partition: partition), of: partition)
        }
        let now = service.time.wall()
        let flush = accumulator.prepare(now: now)
        try store.with { store in
            try store.write(flush, now: now)
            accumulator.written()
            try store.checkpointIfNeeded()
        }
        lastFlush = service.time.monotonic()
        service.board?.flushed()
    }

    /// The end that was reached is not the end of the log where a producer has a transaction open, or a hung one.
    private func tellOpenTransactions() {
        guard settings.exitsAtEnd, !service.stop.wasSet else { return }
        for progress in accumulator.flush.partitions {
            guard let end = consumer.cachedHighWatermark(of: settings.topic, partition: progress.partition),
                end > progress.nextOffset
            else { continue }
            service.log.warning(
                """
                topic \(settings.topic) partition \(progress.partition): ended at offset \(progress.nextOffset), where a \
                transaction is open; up to \(end - progress.nextOffset) records after it were not read
                """, metadata: Facts.place(partition: progress.partition, offset: progress.nextOffset, end: end))
        }
    }

    /// The last flush, the group's offsets, a tidy file.
    mutating func finish() throws {
        tellOpenTransactions()
        closeSegment()
        accumulator.tick(now: service.time.wall())
        if accumulator.hasNews { try flush() }
        if !assigned.isEmpty { confirmCommit() }
        let generation = try store.with { store in
            try store.checkpointFully()
            return store.generation
        }
        let sums = accumulator.flush.partitions.reduce(into: (0, 0, 0)) {
            $0 = ($0.0 + Int($1.counted), $0.1 + Int($1.late), $0.2 + Int($1.rejected))
        }
        service.log.info(
            """
            stopped at generation \(generation): \(sums.0 + sums.1 + sums.2) consumed = \(sums.0) counted \
            + \(sums.1) late + \(sums.2) rejected
            """,
            metadata: [
                "generation": .stringConvertible(generation), "counted": .stringConvertible(sums.0),
                "late": .stringConvertible(sums.1), "rejected": .stringConvertible(sums.2),
                "offsets": Facts.ends(countedPositions.map { ($0.partition, $0.offset) }),
            ])
    }
}
