// Performs the actions of the state machine and returns the events that they lead to.

import Base
import Health
import Kafka
import Log
import SQLite
import State

extension Run {
    mutating func act(on action: RunAction) throws -> [RunEvent] {
        switch action {
        case .kafka(let action): return try act(on: action)
        case .counting(let action):
            act(on: action)
            return rawLosses
        case .segment(let action): return try act(on: action)
        case .state(let action): return try act(on: action)
        case .report(let report): tell(report)
        case .log(let line): service.log.log(line.level, line.text, metadata: metadata(line.fields))
        case .wait(let milliseconds): time.wait(service.stop, milliseconds: milliseconds)
        case .pause(let milliseconds): time.wait(StopSignal(), milliseconds: milliseconds)
        case .fail(let error): throw error
        }
        return []
    }

    // MARK: Kafka

    private mutating func act(on action: KafkaAction) throws -> [RunEvent] {
        switch action {
        case .ask(let question): watch.ask(question)
        case .takeAnswer(let milliseconds): return try takeAnswer(milliseconds)
        case .explain(let error): return clientErrors() + [.topic(.failureExplained(error))]
        case .takeErrors: return clientErrors()
        case .poll(let milliseconds): return poll(milliseconds)
        case .assign(let excluded):
            try consumer.assign(
                topic: settings.topic, accumulator.readPositions.filter { !excluded.contains($0.partition) })
        case .setPaused(let isPaused):
            consumer.setPaused(isPaused, topic: settings.topic, accumulator.positions)
        case .checkCommit: return [.writing(.commitChecked(commits.outcome(timeoutMilliseconds: 0)))]
        case .awaitCommit(let milliseconds):
            let outcome = commits.outcome(timeoutMilliseconds: milliseconds)
            return [.ending(.commitAwaited(outcome, isUnderWay: commits.isUnderWay))]
        case .commit:
            commits.begin(topic: settings.topic, accumulator.durablePositions)
            return commits.isUnderWay ? [.writing(.commitSent)] : []
        }
        return []
    }

    private func takeAnswer(_ milliseconds: Int) throws -> [RunEvent] {
        guard let answer = watch.take(waitMilliseconds: milliseconds) else { return [] }
        do {
            return [.topic(.found(try answer.get(), next: nextOffsets))]
        } catch let error as KafkaError {
            return [.topic(.failed(error))]
        }
    }

    /// The client's errors since the last poll. Records are dropped: nothing is assigned, or the run ends.
    private func clientErrors() -> [RunEvent] {
        consumer.poll(timeoutMilliseconds: 0) { _, notices in notices }.compactMap { notice -> RunEvent? in
            if case .failed = notice { .turn(.notice(notice)) } else { nil }
        }
    }

    private mutating func poll(_ milliseconds: Int64) -> [RunEvent] {
        let (consumer, time) = (consumer, time)
        return consumer.poll(timeoutMilliseconds: Int32(clamping: milliseconds)) { records, notices in
            accumulator.take(records, now: time.wall())
            let events = notices.map { RunEvent.turn(.notice($0)) }
            return records.isEmpty ? events : [.turn(.recordsArrived)] + events
        }
    }

    // MARK: Counts

    private mutating func act(on action: CountingAction) {
        switch action {
        case .add(let progress, let isNew, let rawNext):
            accumulator.add(progress, isNew: isNew, rawNext: rawNext, now: time.wall())
        case .setEnd(let partition, let end): accumulator.note(highWatermark: end, of: partition)
        case .reachEnd(let partition, let offset):
            accumulator.reachedEnd(of: partition, offset: offset, now: time.wall())
        case .block(let partition): accumulator.block(partition)
        case .checkAgain(let partition): accumulator.checkAgain(partition)
        case .passCheck(let partition): accumulator.passCheck(of: partition)
        case .forgetLog(let partition, let unread): accumulator.forgetLog(of: partition, unread: unread)
        case .skip(let partition, let next, let incident):
            accumulator.skip(partition: partition, to: next, incident: incident)
        case .recordTopicID(let id): accumulator.note(fact: .topicID, id)
        case .recordUnsettled(let logs): accumulator.note(fact: .unsettledLogs, logs.text)
        case .recordIncident(let incident): accumulator.note(incident)
        }
    }

    /// Notes the partitions' ends of the last fetch responses.
    private mutating func noteEnds() {
        for partition in state.assigned {
            accumulator.note(
                highWatermark: consumer.cachedHighWatermark(of: settings.topic, partition: partition), of: partition)
        }
    }

    // MARK: Raw events

    private mutating func act(on action: SegmentAction) throws -> [RunEvent] {
        guard let raw else { return action == .close ? [.segment(.closed)] : [] }
        switch action {
        case .close:
            do {
                try raw.close()
                return [.segment(.closed)]
            } catch {
                return [.segment(.failed(reason: "\(error)"))]
            }
        case .rewind: raw.rewind()
        case .resume: raw.resume()
        case .findLoss(let isAmongAll): return [try findLoss(raw, amongAll: isAmongAll)]
        case .measureReread(let name, let ranges):
            let starts = try store.with { try $0.rawOffsets(droppingFrom: name) }
            return [.segment(.rereadMeasured(starts: starts, ranges: ranges))]
        case .drop(let name):
            guard let dropped = try store.with({ try $0.dropSegments(from: name) }) else { return [.segment(.kept)] }
            store.with { $0.lostSegment = nil }
            return [.segment(.dropped(files: dropped.files, starts: dropped.starts))]
        case .readAgain(let files, let starts):
            raw.rewind(to: starts)
            raw.remove(files)
        }
        return rawLosses
    }

    /// The raw events that were found to be lost.
    private var rawLosses: [RunEvent] {
        let losses = raw?.takeLosses() ?? []
        return losses.isEmpty ? [] : [.segment(.lostForGood(losses))]
    }

    private func findLoss(_ raw: RawHalf, amongAll isAmongAll: Bool) throws -> RunEvent {
        if isAmongAll {
            let waiting = try store.with { try $0.segments(limit: Int(Int32.max)) }
            if let first = waiting.first(where: { !raw.isComplete($0) }) { store.with { $0.lostSegment = first.name } }
        }
        guard let name = store.with({ $0.lostSegment }) else { return .segment(.lossFound(name: nil, starts: [:])) }
        let starts = try store.with { try $0.rawOffsets(droppingFrom: name) }
        return .segment(.lossFound(name: name, starts: starts))
    }

    // MARK: The state

    private mutating func act(on action: StateAction) throws -> [RunEvent] {
        switch action {
        case .flush: return [try flush()]
        case .flushNews: return accumulator.hasNews ? [try flush()] : []
        case .checkFiles: try store.with { try $0.checkFiles() }
        case .resolveIncidents(let kind):
            let now = time.wall()
            try store.with { try $0.resolve(incidentsOfKind: kind, now: now) }
        }
        return []
    }

    private mutating func flush() throws -> RunEvent {
        noteEnds()
        let now = time.wall()
        let flush = accumulator.currentFlush(now: now)
        do {
            try store.with { store in
                try store.write(flush, now: now)
                accumulator.written()
                try store.checkpointIfNeeded(clock: time.monotonic)
            }
            return .writing(.flushed)
        } catch let error as SQLiteError where !error.isCorrupt {
            return .writing(.failed(reason: error.isDiskFull ? "the disk is full" : error.message))
        }
    }

    // MARK: Reports

    private mutating func tell(_ report: HealthReport) {
        guard let board = service.board else { return }
        let now = time.wall()
        switch report {
        case .partitions(let isPaused):
            noteEnds()
            board.observe(accumulator.readings, isPaused: isPaused, now: now)
        case .kafkaFailed(let reason): board.kafkaFailed(reason, now: now)
        case .partitionAnswered(let partition): board.partitionAnswered(partition, now: now)
        case .partitionFailed(let partition, let reason): board.partitionFailed(partition, reason, now: now)
        case .discovered(let missing): board.discovered(missing: missing, now: now)
        case .flushed: board.flushed()
        case .flushFailed(let reason): board.flushFailed(reason, now: now)
        }
    }

    private func metadata(_ fields: LogLine.Fields) -> Logger.Metadata {
        switch fields {
        case .place(let partition, let offset, let end):
            Facts.place(partition: partition, offset: offset, end: end)
        case .offsets(let offsets): ["offsets": Facts.ends(offsets.map { ($0.key, $0.value) })]
        case .wantedOffsets: ["offsets": Facts.ends(accumulator.positions.map { ($0.partition, $0.offset) })]
        case .countedOffsets: ["offsets": Facts.ends(countedPositions.map { ($0.partition, $0.offset) })]
        case .backlog(let bytes): ["backlog_bytes": .stringConvertible(bytes)]
        }
    }
}
