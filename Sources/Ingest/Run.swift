// One run of the service over an open state and a reachable cluster.
//
// `RunState` decides; this loop observes and acts. `follow` passes the events of an action to `RunState` before it
// performs the next action, each with the time at which it is passed.

import Base
package import Kafka
import Log
import SQLite
import State
import Windowing

/// A run of the ingest half. Used by one thread.
package struct Run {
    let service: IngestService
    let store: SharedStore
    let raw: RawHalf?
    let consumer: any RecordReader
    let watch: any TopicQuestions
    let commits: any OffsetCommits
    var accumulator: Accumulator
    private(set) var state: RunState

    var settings: IngestSettings { service.settings }
    var time: TimeSource { service.time }

    /// What the state has recorded about the topic.
    static func recordedTopic(_ store: Store) throws -> RecordedTopic {
        RecordedTopic(
            id: try store.meta(.topicID), unsettled: UnsettledLogs(text: try store.meta(.unsettledLogs)),
            countedEnds: try store.countedEnds())
    }

    init(
        service: IngestService, store: SharedStore, source: EventSource, accumulator: Accumulator, raw: RawHalf?,
        progress: Progress, rawOffsets: [PartitionID: KafkaOffset], topic: RecordedTopic
    ) {
        self.service = service
        self.store = store
        self.raw = raw
        self.accumulator = accumulator
        (consumer, watch, commits) = (source.reader, source.questions, source.commits)
        state = RunState(
            settings: service.settings, statePath: store.path, known: progress.partitions,
            rawOffsets: raw == nil ? nil : rawOffsets, topic: topic, at: service.moment)
    }

    // MARK: Loop

    /// Takes the next step: waits for the topic, reads its partitions, or ends.
    /// - Returns: false once the run has ended.
    /// - Throws: `StoreError`, `IngestError`, `SQLiteError` (a damaged state).
    package mutating func step() throws -> Bool {
        switch state.phase {
        case .resolving: try handle(.turn(.began(hasNews: false)))
        case .reading, .draining: try turn()
        case .finishing, .confirming: try finish()
        case .ended: return false
        }
        return true
    }

    /// Polls, accumulates and flushes once.
    private mutating func turn() throws {
        // Before the poll: records fetched at an old position could be beyond the state's next offset.
        try handle(.turn(.assignmentCheck))
        try handle(.turn(.began(hasNews: accumulator.hasNews)))
        guard state.phase == .reading else { return }
        accumulator.tick(now: time.wall())
        try handle(.turn(.batchTaken))
        for (partition, offset) in accumulator.takeForeign() {
            try handle(.topic(.otherRecord(partition: partition, offset: offset)))
        }
        if accumulator.takeLackOfUsers() { try handle(.turn(.usersMissing)) }
        try observeRaw()
        try handle(.turn(.assignmentCheck))
        try handle(.writing(.check(hasNews: accumulator.hasNews, isFull: accumulator.isFull)))
        try perform([.kafka(.checkCommit)])
        if accumulator.isAtEnd { try handle(.turn(.endsReached)) }
        guard state.phase == .reading else { return }
        try perform([.kafka(.takeAnswer(milliseconds: 0))])
        try handle(.turn(.ended))
    }

    private mutating func observeRaw() throws {
        guard let raw else { return }
        try handle(.segment(.lossCheck))
        if let failure = raw.takeFailure() { try handle(.segment(.failed(reason: failure))) }
        try handle(.segment(.retryCheck))
        if raw.isDue(now: time.wall()) { try perform([.segment(.close)]) }
        let bytes = raw.backlogBytes(every: 500, now: time.monotonic(), store)
        try handle(.segment(.spoolMeasured(bytes: bytes, isFull: raw.isFull(backlogBytes: bytes))))
    }

    /// Writes the last flush, commits the group's offsets and checkpoints the state's file.
    private mutating func finish() throws {
        try handle(.ending(.began(knownEnds)))
        try perform([.segment(.close)])
        accumulator.tick(now: time.wall())
        try perform([.state(.flushNews)])
        try handle(.ending(.written))
        while case .confirming = state.phase { try handle(.ending(.commitCheck)) }
        let generation = try store.with { store in
            try store.checkpointFully()
            return store.generation
        }
        try handle(.ending(.checkpointed))
        logEnd(generation)
    }

    private func logEnd(_ generation: Generation) {
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

    // MARK: Deciding and acting

    private enum Step {
        case event(RunEvent)
        case action(RunAction)
    }

    private mutating func handle(_ event: RunEvent) throws { try follow([.event(event)]) }

    private mutating func perform(_ actions: [RunAction]) throws { try follow(actions.map(Step.action)) }

    private mutating func follow(_ first: [Step]) throws {
        // A stack: the results of a step come before the steps after it.
        var steps: [Step] = first.reversed()
        while let step = steps.popLast() {
            switch step {
            case .event(let event):
                steps += state.next(event, at: service.moment).reversed().map(Step.action)
            case .action(let action): steps += try act(on: action).reversed().map(Step.event)
            }
        }
    }

    // MARK: Observations

    /// The next offsets of the counts, which the group commits for lag tools.
    package var countedPositions: [Position] {
        accumulator.flush.partitions.map { Position(partition: $0.partition, offset: $0.nextOffset) }
    }

    /// The next offsets of each partition that is read.
    var nextOffsets: [PartitionID: NextOffsets] {
        var next: [PartitionID: NextOffsets] = [:]
        for (progress, position) in zip(accumulator.flush.partitions, accumulator.positions) {
            next[progress.partition] = NextOffsets(counted: progress.nextOffset, wanted: position.offset)
        }
        return next
    }

    private var knownEnds: [PartitionEnd] {
        accumulator.flush.partitions.compactMap { progress in
            consumer.cachedHighWatermark(of: settings.topic, partition: progress.partition).map {
                PartitionEnd(partition: progress.partition, next: progress.nextOffset, end: $0)
            }
        }
    }
}

extension IngestService {
    /// The current time, and whether the stop signal is set.
    var moment: Moment {
        Moment(wall: time.wall(), monotonic: time.monotonic(), isStopRequested: stop.wasSet)
    }
}
