// Decides what a run of the ingest half does: a state machine without clock, files or network.
//
// Invariants: `next` reads nothing but the event, its moment and the state; actions are done in their order, and the events
// that an action leads to are given before the next action; nothing follows `.fail`. Records never pass through here: the
// accumulator takes batches, the machine hears that one came.

import Base
import Kafka
import Log
import State

/// Where a run is, and what it does next.
struct RunState {
    /// The course of a run.
    enum Phase: Equatable {
        /// The topic is asked for; nothing is read yet.
        /// - since: on the monotonic clock.
        case resolving(since: Int64, retry: Backoff)
        /// Partitions are read.
        case reading
        /// Every end was reached; the open segment is being completed.
        case draining
        /// The last turn is over: the rest is written.
        case finishing
        /// The last offsets are committed.
        /// - since: on the monotonic clock.
        /// - reason: why they are not, so far.
        case confirming(since: Int64, reason: String)
        /// Nothing is left to do.
        case ended
    }

    /// Whether a broker is there, as far as the client knows.
    enum Brokers: Equatable {
        case reachable
        /// - since: on the monotonic clock.
        case unreachable(since: Int64)
    }

    /// Whether librdkafka reads what the run wants.
    enum Assignment: Equatable {
        case current
        case outdated
    }

    /// Whether the spool takes more raw events.
    enum Spool: Equatable {
        case open
        /// Nothing is fetched until something was exported.
        case full
    }

    /// The writing of what was accumulated.
    enum Writing: Equatable {
        case working
        case failing(retry: Backoff)
    }

    let settings: IngestSettings
    let statePath: String
    /// The partitions that the state knows.
    let known: [PartitionProgress]

    var phase: Phase
    var brokers = Brokers.reachable
    var assignment = Assignment.current
    var spool = Spool.open
    var writing = Writing.working
    var raw: RawState
    var lost = LostSegments.unknown
    /// The partitions that are read, in the order in which they were added.
    var assigned: [PartitionID] = []
    /// Those of them whose log may not be the one that was read.
    var unsettled: [PartitionID: UnsettledLog] = [:]
    /// From where the state wants raw events.
    var rawOffsets: [PartitionID: KafkaOffset]
    /// The topic's id; nil where it is not known.
    var topicID: String?
    /// The broker that leads each partition, as last heard.
    var leaders: [PartitionID: Int32] = [:]
    /// Why Kafka cannot be reached, while it cannot.
    var cause = FailureCause()
    var group = GroupOffsets()
    var due = DueTimes()
    var complaints = Complaints()

    // Of the event that is being decided on.
    var now: Moment
    var actions: [RunAction] = []

    /// - Parameter rawOffsets: from where the state wants raw events; nil without them.
    init(
        settings: IngestSettings, statePath: String, known: [PartitionProgress],
        rawOffsets: [PartitionID: KafkaOffset]?,
        topicID: String?, at moment: Moment
    ) {
        (self.settings, self.statePath, self.known, self.topicID) = (settings, statePath, known, topicID)
        raw = rawOffsets == nil ? .off : .writing(retry: Backoff())
        self.rawOffsets = rawOffsets ?? [:]
        phase = .resolving(since: moment.monotonic, retry: Backoff())
        now = moment
    }

    /// What is to be done about an event.
    mutating func next(_ event: RunEvent, at moment: Moment) -> [RunAction] {
        (now, actions) = (moment, [])
        switch event {
        case .turn(let event): decide(event)
        case .topic(let event): decide(event)
        case .writing(let event): decide(event)
        case .segment(let event): decide(event)
        case .ending(let event): decide(event)
        }
        assert(actions.dropLast().allSatisfy { !$0.isFailure }, "an action after the end of the run")
        return actions
    }

    // MARK: Turns

    private mutating func decide(_ event: TurnEvent) {
        switch event {
        case .began(let hasNews): beginTurn(hasNews: hasNews)
        case .recordsArrived: brokers = .reachable
        case .notice(let notice): take(notice)
        case .batchTaken: checkTimes()
        case .usersMissing:
            log(
                .notice,
                """
                none of the first \(UserWatch.limit) events of topic \(settings.topic) names a user: raw events have none; the \
                field is user_id or userId
                """)
        case .assignmentCheck: assignIfOutdated()
        case .endsReached: drain()
        case .ended: if now.monotonic >= due.discovery { actions.append(.kafka(.ask(question))) }
        }
    }

    private mutating func beginTurn(hasNews: Bool) {
        if now.isStopRequested {
            phase = .finishing
        } else if case .resolving = phase {
            checkFilesIfDue()
            actions += [.kafka(.ask(question)), .kafka(.takeAnswer(milliseconds: 100))]
        } else {
            actions.append(.kafka(.poll(milliseconds: pollTime(hasNews: hasNews))))
        }
    }

    /// Never long, whatever the flush interval: a stop and idleness are looked at in between.
    private func pollTime(hasNews: Bool) -> Int64 {
        let untilFlush = settings.flushIntervalMilliseconds - (now.monotonic - due.lastFlush)
        return untilFlush > 0 ? min(untilFlush, 200) : hasNews ? 1 : 100
    }

    private mutating func checkTimes() {
        if now.monotonic - due.lastReport >= 1000 {
            due.lastReport = now.monotonic
            report(.partitions(isPaused: spool == .full))
        }
        checkFilesIfDue()
        if case .unreachable(let since) = brokers, settings.givesUp(since: since, now: now.monotonic) {
            fail(settings.unreachable(cause.words(now: now.wall)))
        }
    }

    /// The state's files, also while there is nothing to write.
    private mutating func checkFilesIfDue() {
        guard now.monotonic - due.lastFileCheck >= 1000 else { return }
        due.lastFileCheck = now.monotonic
        actions.append(.state(.checkFiles))
    }

    private mutating func assignIfOutdated() {
        guard assignment == .outdated else { return }
        actions.append(.kafka(.assign(without: waiting)))
        (assignment, spool) = (.current, .open)
        if case .writing = raw { actions.append(.segment(.resume)) }
    }

    /// Every end was reached. With --exit-at-end that is the end of the run, unless something is still to be read again.
    private mutating func drain() {
        guard settings.exitsAtEnd, !raw.isRewound, lost.isSettled, assignment == .current,
            unsettled.values.allSatisfy({ $0 == .waiting })
        else { return }
        phase = .draining
        actions.append(.segment(.close))
    }

    // MARK: Notices

    private mutating func take(_ notice: Notice) {
        switch notice {
        case .endOfPartition(let partition, let offset):
            brokers = .reachable
            report(.partitionAnswered(partition))
            actions += [
                .counting(.setEnd(of: partition, offset)), .counting(.reachEnd(of: partition, offset)),
            ]
        case .partitionFailed(let partition, _, let error) where error.isMissingOffset || error.isLogTruncation:
            suspect(partition, error.isLogTruncation ? .cut(at: error.truncationEnd) : nil)
        case .partitionFailed(let partition, let offset, let error):
            report(.partitionFailed(partition, error.message))
            complain(
                "topic \(settings.topic) partition \(partition): \(error.message); trying again", partition: partition,
                offset: offset)
        case .failed(let error): take(clientError: error)
        }
    }

    private mutating func take(clientError error: KafkaError) {
        switch phase {
        // What the client met says more than that no answer came. Nothing is assigned yet, so nothing else comes.
        case .resolving: report(.kafkaFailed(cause.words(for: error, now: now.wall)))
        // Says whether a broker is there; what it brings besides is read again by the next run.
        case .confirming: if error.isAllBrokersDown { brokersAreDown() }
        case .reading, .draining, .finishing, .ended: takeWhileReading(error)
        }
    }

    private mutating func takeWhileReading(_ error: KafkaError) {
        let reason = cause.words(for: error, now: now.wall)
        if error.isAllBrokersDown { brokersAreDown() }
        if error.isConnection || error.isAuthentication { report(.kafkaFailed(reason)) }
        // Asked at once, it says whether this is one broken connection, one partition, or the end of them all.
        askAgain(in: 500)
        complain(
            "Kafka at \(settings.bootstrapServers): \(error.isBare ? reason : error.message); trying again",
            partition: Facts.partition(namedIn: error.message, of: settings.topic))
    }

    private mutating func brokersAreDown() {
        if brokers == .reachable { brokers = .unreachable(since: now.monotonic) }
    }

    // MARK: Shared

    /// Asks about the topic after this delay, unless it is asked sooner anyway.
    mutating func askAgain(in milliseconds: Int64) {
        due.discovery = min(due.discovery, now.monotonic + milliseconds)
    }

    mutating func fail(_ error: IngestError) { actions.append(.fail(error)) }

    mutating func report(_ report: HealthReport) { actions.append(.report(report)) }

    mutating func log(_ level: Logger.Level, _ text: String, _ fields: LogLine.Fields = .place()) {
        actions.append(.log(LogLine(level: level, text: text, fields: fields)))
    }

    /// Logs a complaint, the same one at most every ten seconds.
    mutating func complain(_ text: String, partition: PartitionID? = nil, offset: KafkaOffset? = nil) {
        guard complaints.isDue(text, now: now.monotonic) else { return }
        log(.warning, text, .place(partition: partition, offset: offset))
    }
}

/// When things were done last, or are done next, on the monotonic clock in milliseconds.
struct DueTimes: Equatable {
    var lastFlush: Int64 = 0
    var lastReport: Int64 = 0
    var lastFileCheck: Int64 = 0
    /// When the topic is asked for its partitions again.
    var discovery: Int64 = 0
    /// When lost segments are looked for again.
    var lostSegments: Int64 = 0
}

/// The complaints of the last seconds.
struct Complaints {
    private var last: [String: Int64] = [:]

    /// Whether a complaint is to be logged now: the same one at most every ten seconds.
    /// - Parameter now: on the monotonic clock in milliseconds.
    mutating func isDue(_ text: String, now: Int64) -> Bool {
        if let before = last[text], now - before < 10_000 { return false }
        if last.count > 100 { last = [:] }
        last[text] = now
        return true
    }
}
