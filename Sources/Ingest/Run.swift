// One run of the service over an open state and a reachable cluster.

internal import Base
internal import Kafka
internal import Log
internal import SQLite
internal import Store
internal import Windowing

struct Run {
    let service: IngestService
    let store: SharedStore
    let raw: RawHalf?
    let consumer: Consumer
    var accumulator: Accumulator
    /// The partitions that the state knows and that were not added yet.
    var known: [PartitionProgress]
    private var assigned: [Int32] = []
    private var lastFlush: Int64 = 0
    /// When the topic is asked for its partitions again, on the monotonic clock.
    private var nextDiscovery: Int64 = 0
    private var lastObservation: Int64 = 0
    private var lastComplaint: [String: Int64] = [:]
    /// Why Kafka cannot be reached, while it cannot.
    private var cause = FailureCause()
    private var needsAssignment = false
    /// Partitions whose next offset Kafka said it does not have.
    private var recovering: Set<Int32> = []

    private var settings: IngestSettings { service.settings }

    private var isPaused = false
    private var rawBackoff = Backoff()
    /// The end of the pause after a raw segment was lost, on the monotonic clock.
    private var rawRetryAt: Int64?
    private var rawOffsets: [Int32: Int64]

    init(
        service: IngestService, store: SharedStore, consumer: Consumer, accumulator: Accumulator, raw: RawHalf?,
        progress: Progress, rawOffsets: [Int32: Int64]
    ) {
        self.service = service
        self.store = store
        self.raw = raw
        self.rawOffsets = rawOffsets
        known = progress.partitions
        self.consumer = consumer
        self.accumulator = accumulator
    }

    // MARK: Start

    /// Waits for the topic and assigns its partitions.
    mutating func start() throws {
        var pause = Backoff()
        while !service.stop.wasSet {
            do {
                try discover()
                break
            } catch let error as KafkaError {
                let milliseconds = pause.next()
                noteErrors()
                let reason = cause.words(for: error, now: service.time.wall())
                service.board?.kafkaFailed(
                    error.isUnknownTopic ? "the topic does not exist" : reason, now: service.time.wall())
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

    /// Adds the partitions that are not assigned yet.
    private mutating func discover() throws {
        let found = try consumer.partitions(of: settings.topic, timeoutMilliseconds: 2000)
        let count = found.count
        let hasMissing = noteMissing(found)
        nextDiscovery = service.time.monotonic() + settings.discoveryInterval(afterFault: hasMissing)
        if let wrong = settings.partitions?.first(where: { $0 >= count }), assigned.isEmpty {
            throw IngestError.noSuchPartition(topic: settings.topic, partition: wrong, count: count)
        }
        let wanted = (0..<Int32(clamping: count)).filter { settings.partitions?.contains($0) ?? true }
        let new = wanted.filter { !assigned.contains($0) }
        guard !new.isEmpty else { return }
        // Every question is asked before anything changes, so that a failure can be tried again as a whole.
        let ranges = try new.map {
            try consumer.offsets(of: settings.topic, partition: $0, timeoutMilliseconds: 5000)
        }
        for (partition, range) in zip(new, ranges) { try add(partition, range) }
        try assign()
        service.log.info(
            "reading topic \(settings.topic), partitions \(assigned.map(String.init).joined(separator: ", "))",
            metadata: ["offsets": Facts.ends(accumulator.positions.map { ($0.partition, $0.offset) })])
    }

    /// Tells the board which partitions the cluster does not serve.
    /// - Returns: whether there are any.
    private func noteMissing(_ found: TopicPartitions) -> Bool {
        var missing = found.faults.mapValues(\.message)
        for partition in assigned where partition >= found.count { missing[partition] = "the topic no longer has it" }
        service.board?.discovered(missing: missing, now: service.time.wall())
        return assigned.contains { missing[$0] != nil }
    }

    private mutating func add(_ partition: Int32, _ range: OffsetRange) throws {
        let earlier = known.first { $0.partition == partition }
        // A raw half that is new begins where the counts did, as far back as Kafka still goes.
        let rawNext = rawOffsets[partition] ?? max(range.low, earlier?.firstOffset ?? range.low)
        let next = earlier.map { raw == nil ? $0.nextOffset : min($0.nextOffset, rawNext) }
        let decision = StartPosition.decide(next: next, range: range)
        accumulator.add(
            earlier ?? PartitionProgress(partition: partition, nextOffset: range.low), isNew: earlier == nil,
            rawNext: rawNext, now: service.time.wall())
        accumulator.note(highWatermark: range.high, of: partition)
        assigned.append(partition)
        try act(on: decision, partition: partition)
    }

    /// Follows the decision, or says why not.
    private mutating func act(on decision: StartPosition, partition: Int32) throws {
        switch decision {
        case .read: break
        case .lost(let from, let to):
            guard settings.skipsMissingOffsets else {
                throw IngestError.missingOffsets(topic: settings.topic, partition: partition, from: from, to: to)
            }
            let incident = Incident(
                kind: "missing-offsets",
                detail: "topic \(settings.topic) partition \(partition): offsets \(from) to \(to - 1) "
                    + "(\(to - from) in all) were no longer in Kafka and are not counted")
            service.log.error(
                "\(incident.detail)",
                metadata: Facts.place(partition: partition, offset: from, end: to))
            accumulator.skip(partition: partition, to: to, incident: incident)
        case .beyondEnd(let next, let end):
            throw IngestError.topicShorter(topic: settings.topic, partition: partition, next: next, end: end)
        }
    }

    /// The offsets of the counting half, which lag tools see.
    private var countedPositions: [Position] {
        accumulator.flush.partitions.map { Position(partition: $0.partition, offset: $0.nextOffset) }
    }

    private mutating func assign() throws {
        try consumer.assign(topic: settings.topic, accumulator.positions)
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
            try recover()
            try mindRaw()
            if needsAssignment { try assign() }
            let sinceFlush = service.time.monotonic() - lastFlush
            if accumulator.hasNews, accumulator.isFull || sinceFlush >= settings.flushIntervalMilliseconds {
                try flush()
            }
            if settings.exitsAtEnd, accumulator.isAtEnd, rawRetryAt == nil, !needsAssignment {
                closeSegment()
                // A segment that cannot be completed is read again.
                if rawRetryAt == nil { return }
            }
            discoverNowAndThen()
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
            return notices
        }
    }

    private mutating func take(_ notice: Notice) throws {
        switch notice {
        case .endOfPartition(let partition, let offset):
            service.board?.partitionAnswered(partition, now: service.time.wall())
            accumulator.note(highWatermark: offset, of: partition)
            accumulator.reachedEnd(of: partition, offset: offset, now: service.time.wall())
        case .partitionFailed(let partition, _, let error) where error.isMissingOffset:
            recovering.insert(partition)
        case .partitionFailed(let partition, let offset, let error):
            service.board?.partitionFailed(partition, error.message, now: service.time.wall())
            complain(
                "topic \(settings.topic) partition \(partition): \(error.message); trying again", partition: partition,
                offset: offset)
        case .failed(let error):
            let reason = cause.words(for: error, now: service.time.wall())
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

    /// Decides anew where to read the partitions whose next offset is not there.
    private mutating func recover() throws {
        for partition in recovering {
            guard let next = accumulator.positions.first(where: { $0.partition == partition })?.offset else { continue }
            do {
                let range = try consumer.offsets(of: settings.topic, partition: partition, timeoutMilliseconds: 1000)
                try act(on: StartPosition.decide(next: next, range: range), partition: partition)
            } catch let error as KafkaError {
                complain(
                    "topic \(settings.topic) partition \(partition): \(error.message); trying again",
                    partition: partition,
                    offset: next)
                continue
            }
            recovering.remove(partition)
            needsAssignment = true
        }
    }

    private mutating func discoverNowAndThen() {
        guard service.time.monotonic() >= nextDiscovery else { return }
        do {
            try discover()
            cause.forget()
        } catch {
            nextDiscovery = service.time.monotonic() + settings.discoveryInterval(afterFault: true)
            let now = service.time.wall()
            let reason = (error as? KafkaError).map { cause.words(for: $0, now: now) } ?? "\(error)"
            service.board?.kafkaFailed(reason, now: now)
            service.log.debug("looking for partitions: \(error)")
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

    /// Logs a complaint, the same one at most every ten seconds.
    private mutating func complain(_ text: String, partition: Int32? = nil, offset: Int64? = nil) {
        let now = service.time.monotonic()
        if let last = lastComplaint[text], now - last < 10_000 { return }
        if lastComplaint.count > 100 { lastComplaint = [:] }
        lastComplaint[text] = now
        service.log.warning("\(text)", metadata: Facts.place(partition: partition, offset: offset))
    }

    // MARK: Raw events

    /// Closes the segment when it is due, starts again after a lost one, waits while the spool is full.
    private mutating func mindRaw() throws {
        guard let raw else { return }
        if let failure = raw.takeFailure() { loseSegment(failure) }
        if let retry = rawRetryAt, service.time.monotonic() >= retry {
            rawRetryAt = nil
            // The events of the lost segment are read again; the counting half passes over them. Which of them were late
            // is asked of the late log, so what is not in it yet is written first.
            if accumulator.hasNews { try flush() }
            needsAssignment = true
        }
        if raw.isDue(now: service.time.wall()) { closeSegment() }
        try mindSpool(raw)
    }

    private mutating func closeSegment() {
        guard let raw else { return }
        do {
            try raw.close()
            rawBackoff.reset()
        } catch {
            loseSegment("\(error)")
        }
    }

    private mutating func loseSegment(_ reason: String) {
        let milliseconds = rawBackoff.next()
        complain("raw events cannot be written: \(reason); counting goes on, they are read again")
        raw?.rewind()
        rawRetryAt = service.time.monotonic() + milliseconds
    }

    /// Stops fetching while the spool is over its budget.
    private mutating func mindSpool(_ raw: RawHalf) throws {
        let backlog = raw.backlogBytes(every: 500, now: service.time.monotonic(), store)
        let isFull = raw.isFull(backlogBytes: backlog)
        guard isFull != isPaused else { return }
        isPaused = isFull
        consumer.setPaused(isFull, topic: settings.topic, accumulator.positions)
        if isFull {
            let detail = "\(backlog) bytes of raw events wait for export, the budget (--spool-budget); consuming waits"
            service.log.error("\(detail)", metadata: ["backlog_bytes": .stringConvertible(backlog)])
            accumulator.note(Incident(kind: "spool-full", detail: detail))
        } else {
            service.log.info("the spool has room again; consuming goes on")
            let now = service.time.wall()
            try store.with { try $0.resolve(incidentsOfKind: "spool-full", now: now) }
        }
    }

    // MARK: Flush

    /// Writes what was accumulated; while that fails, nothing else is done.
    private mutating func flush() throws {
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
        try? consumer.commit(topic: settings.topic, countedPositions)
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

    /// The last flush, the group's offsets, a tidy file.
    mutating func finish() throws {
        closeSegment()
        accumulator.tick(now: service.time.wall())
        if accumulator.hasNews { try flush() }
        do {
            try consumer.commit(topic: settings.topic, countedPositions, timeoutMilliseconds: 1000)
        } catch {
            service.log.info(
                "the group's offsets were not committed: \(error); lag tools will show older ones",
                metadata: ["offsets": Facts.ends(countedPositions.map { ($0.partition, $0.offset) })])
        }
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
