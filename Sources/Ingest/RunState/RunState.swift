// The state machine of a run of the ingest half, without clock, files or network.
//
// `next` reads only the event, its moment and the state. The caller performs the actions in order and passes the events
// of an action before it performs the next one. Invariant: no action follows `.fail`. Records do not pass through here:
// the accumulator takes batches, and the machine only receives an event for each.

import Base
import Kafka
import Log
import State

/// What the state has recorded about the topic.
struct RecordedTopic: Equatable {
    /// The topic's id; nil when it is not known.
    var id: String?
    /// The partitions whose log is not the one that was read.
    var unsettled = UnsettledLogs()
    /// Where the offsets end (exclusive) that a restored state's counts table counts, if beyond the state's.
    var countedEnds: [PartitionID: KafkaOffset] = [:]
}

/// The state of a run.
struct RunState {
    /// The phases of a run. Times are on the monotonic clock, in milliseconds.
    enum Phase: Equatable {
        /// Waiting for the topic; nothing is read yet.
        case resolving(since: Int64, retry: Backoff)
        /// Reading partitions.
        case reading
        /// Every partition's end was reached; the open segment is being completed.
        case draining
        /// The last turn is over; the last flush is written.
        case finishing
        /// The last offsets are being committed.
        /// - reason: why they are not committed yet.
        case confirming(since: Int64, reason: String)
        /// The run is over.
        case ended
    }

    /// Whether a broker is reachable, as far as the client knows.
    enum Brokers: Equatable {
        case reachable
        /// - since: on the monotonic clock, in milliseconds.
        case unreachable(since: Int64)
    }

    /// Whether librdkafka's assignment is the wanted one.
    enum Assignment: Equatable {
        case current
        case outdated
    }

    /// Whether the spool has room.
    enum Spool: Equatable {
        case open
        /// Fetching is paused until the exporter has made room.
        case full
    }

    /// Whether flushes succeed.
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
    /// Assigned partitions whose log may not be the one that was read.
    var unsettled: [PartitionID: UnsettledLog] = [:]
    /// The next offsets of raw events, from the state.
    var rawOffsets: [PartitionID: KafkaOffset]
    /// The topic, as the next flush records it.
    var topic: RecordedTopic
    /// The topic's id when all partitions were last settled.
    var settledID: String?
    /// Partitions whose next offset belongs to an earlier topic, and that topic's id. The state may know more of them than
    /// are assigned.
    var replaced: [PartitionID: String]
    /// The id of each partition's leader, as last reported.
    var leaders: [PartitionID: Int32] = [:]
    /// Why Kafka is unreachable, while it is.
    var cause = FailureCause()
    var group = GroupOffsets()
    var due = DueTimes()
    var complaints = Complaints()

    // The moment and the actions of the current event.
    var now: Moment
    var actions: [RunAction] = []

    /// - Parameter rawOffsets: the next offsets of raw events, from the state; nil when they are not written.
    init(
        settings: IngestSettings, statePath: String, known: [PartitionProgress],
        rawOffsets: [PartitionID: KafkaOffset]?,
        topic: RecordedTopic, at moment: Moment
    ) {
        (self.settings, self.statePath, self.known, self.topic) = (settings, statePath, known, topic)
        raw = rawOffsets == nil ? .off : .writing(retry: Backoff())
        self.rawOffsets = rawOffsets ?? [:]
        (replaced, settledID) = (topic.unsettled.replaced, topic.unsettled.earlierID ?? topic.id)
        phase = .resolving(since: moment.monotonic, retry: Backoff())
        now = moment
    }

    /// Decides about an event.
    /// - Returns: the actions to perform, in order.
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
                none of the first \(UserWatch.limit) events of topic \(settings.topic) names a user: raw events have \
                none; the field is user_id or userId
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

    /// At most 200 ms, whatever the flush interval: the loop checks for a stop and for idleness in between.
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

    /// Checks the state's files once a second, also while there is nothing to write.
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

    /// Every partition's end was reached. With --exit-at-end this ends the run, unless something must still be re-read.
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
        // The client's error says more than a missing answer. Nothing is assigned yet, so no other notice comes.
        case .resolving: report(.kafkaFailed(cause.words(for: error, now: now.wall)))
        // Only whether a broker is reachable matters; the next run meets any other error again.
        case .confirming: if error.isAllBrokersDown { brokersAreDown() }
        case .reading, .draining, .finishing, .ended: takeWhileReading(error)
        }
    }

    private mutating func takeWhileReading(_ error: KafkaError) {
        let reason = cause.words(for: error, now: now.wall)
        if error.isAllBrokersDown { brokersAreDown() }
        if error.isConnection || error.isAuthentication { report(.kafkaFailed(reason)) }
        // An early answer tells whether one connection, one partition or the whole cluster failed.
        askAgain(in: 500)
        complain(
            "Kafka at \(settings.bootstrapServers): \(error.isBare ? reason : error.message); trying again",
            partition: Facts.partition(namedIn: error.message, of: settings.topic))
    }

    private mutating func brokersAreDown() {
        if brokers == .reachable { brokers = .unreachable(since: now.monotonic) }
    }

    // MARK: Shared

    /// Asks about the topic after this delay, or earlier if a question is due earlier.
    mutating func askAgain(in milliseconds: Int64) {
        due.discovery = min(due.discovery, now.monotonic + milliseconds)
    }

    mutating func fail(_ error: IngestError) { actions.append(.fail(error)) }

    mutating func report(_ report: HealthReport) { actions.append(.report(report)) }

    mutating func log(_ level: Logger.Level, _ text: String, _ fields: LogLine.Fields = .place()) {
        actions.append(.log(LogLine(level: level, text: text, fields: fields)))
    }

    /// Logs a complaint; the same text at most every 10 s.
    mutating func complain(_ text: String, partition: PartitionID? = nil, offset: KafkaOffset? = nil) {
        guard complaints.isDue(text, now: now.monotonic) else { return }
        log(.warning, text, .place(partition: partition, offset: offset))
    }
}

/// Times of the last or next periodic steps, on the monotonic clock in milliseconds.
struct DueTimes: Equatable {
    var lastFlush: Int64 = 0
    var lastReport: Int64 = 0
    var lastFileCheck: Int64 = 0
    /// The next question about the topic.
    var discovery: Int64 = 0
    /// The next check for lost segments.
    var lostSegments: Int64 = 0
}

/// The complaints that were logged recently.
struct Complaints {
    private var last: [String: Int64] = [:]

    /// Whether to log a complaint now: the same text at most every 10 s.
    /// - Parameter now: the time on the monotonic clock, in milliseconds.
    mutating func isDue(_ text: String, now: Int64) -> Bool {
        if let before = last[text], now - before < 10_000 { return false }
        if last.count > 100 { last = [:] }
        last[text] = now
        return true
    }
}
