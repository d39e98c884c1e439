// Publishes the rows of an outbox, each once.
//
// Invariants: rows are sent in the order of their numbers; before a row is sent its number is on the disk; it is marked
// only when the broker acknowledged it with an offset or it was found in the topic. Publishing begins with a takeover
// (OutboxTakeover.swift), and so does everything after a failure whose outcome is not known. docs/adr/0021 has the argument.

package import Health
package import Base
import Kafka
package import Log
package import State

/// Publishes late events, or rejected messages.
package final class OutboxPublisher {
    private let context: OutboxContext
    private let stop: StopSignal
    private let failPoint: (String) -> Void
    private var connection: OutboxConnection?
    private var fence: (any OutboxFence)?
    private var stateID = ""
    private var lastSent: Int64 = 0
    /// The topic's offsets up to which everything of ours is marked.
    private var offsets: [PartitionID: KafkaOffset] = [:]
    private var sentBefore: SentBefore?
    /// Up to this number rows are sent one by one, since the topic refused one of them.
    private var oneByOneUpTo: Int64 = 0
    /// The identity was ours at this moment at the least, on the monotonic clock: when the last look at it began.
    private var ownedAt: Int64 = 0
    private var settings: OutboxSettings { context.settings }
    private static let batch = 1000
    /// How old the last look at the fence may be when a batch is sent, in milliseconds. Less than the quiet time of a
    /// takeover, which therefore sees what was sent since.
    private static let ownershipMilliseconds: Int64 = 500

    /// - Parameters:
    ///   - board: is told since when and why nothing can be published.
    ///   - cluster: makes the connections.
    ///   - failPoint: called at each step whose interruption must be harmless.
    ///   - remaining: once `stop` is set, how many milliseconds are left.
    package init(
        settings: OutboxSettings, store: SharedStore, stop: StopSignal, time: TimeSource, board: HealthBoard? = nil,
        cluster: any OutboxCluster = KafkaCluster(), failPoint: @escaping (String) -> Void, log: Logger,
        remaining: @escaping () -> Int64
    ) {
        context = OutboxContext(
            settings: settings, store: store, stop: stop, time: time, board: board,
            log: log.with("topic", "\(settings.topic)").with("outbox", "\(settings.name.rawValue)"),
            cluster: cluster, remaining: remaining)
        self.stop = stop
        self.failPoint = failPoint
    }

    /// Publishes until it is told to stop, and then what is left, as long as the time allows.
    /// - Returns: nil when everything was published; else how many rows wait, and why.
    /// - Throws: `SQLiteError` when the state cannot be read, `KafkaError` for a refused setting.
    package func run() throws -> String? {
        defer { disconnect() }
        var pause = Backoff()
        do {
            while !context.isOver {
                do {
                    let wasBusy = try publishOnce()
                    pause.reset()
                    context.succeeded()
                    guard !wasBusy else { continue }
                    if stop.wasSet { return nil }
                    context.time.wait(stop, milliseconds: 200)
                } catch let error as KafkaError where error.isFenced {
                    disconnect()
                    return try waitFenced()
                } catch let error as KafkaError where !error.isInvalidSetting {
                    disconnect()
                    complain(error)
                    context.rest(pause.next())
                }
            }
        } catch is OutboxStopped {}
        return leftOver()
    }

    private func disconnect() {
        connection?.abandon()
        // The fence first: the end of the connection is waited for, and with it the fence's.
        fence = nil
        (connection, lastSent) = (nil, 0)
    }

    private func complain(_ error: KafkaError) {
        // The row that waits, by where it came from.
        var facts: Logger.Metadata = [:]
        if let row = try? context.state({ try $0.unpublished(settings.name, after: 0, limit: 1) }).first {
            facts["source_partition"] = .stringConvertible(row.partition)
            facts["source_offset"] = .stringConvertible(row.offset)
        }
        context.complain(
            "topic \(settings.topic) at \(settings.bootstrapServers): \(explanation(error)); "
                + "\(settings.name.rawValue) events wait in the state; trying again", facts)
    }

    /// The error's words, and the right that is missing.
    private func explanation(_ error: KafkaError) -> String {
        switch error.refusedResource {
        case .topic: "\(error.message): the user needs \(context.neededRight) on topic \(settings.topic)"
        case .group: "\(error.message): the user needs READ on group \(settings.group)"
        case .transactionalID:
            "\(error.message): the user needs DESCRIBE and WRITE on transactional id \(settings.transactionalID)"
        case .cluster:
            "\(error.message): the user needs CREATE on topic \(settings.topic) or on the cluster, and before Kafka 3.0 "
                + "IDEMPOTENT_WRITE on the cluster"
        case nil: error.message
        }
    }

    /// Another publisher has the identity: nothing more is sent.
    private func waitFenced() throws -> String? {
        context.complain(
            "topic \(settings.topic): another service publishes the \(settings.name.rawValue) events of topic "
                + "\(settings.sourceTopic) for group \(settings.group); this one publishes nothing any more: stop one of "
                + "them, then restart the one that stays")
        while !stop.wasSet { context.time.wait(stop, milliseconds: 1000) }
        return leftOver()
    }

    /// - Returns: how many rows wait, and why; nil when none do.
    private func leftOver() -> String? {
        let reason = context.complaint.map { " (\($0))" } ?? ""
        // The state may be what is not reachable.
        guard let count = try? context.state({ try $0.unpublishedCount(settings.name) }) else {
            return "\(settings.name.rawValue) events wait\(reason)"
        }
        return count == 0 ? nil : "\(count) \(settings.name.rawValue) events wait\(reason)"
    }

    /// One round: takes the topic over when that is due, then sends a batch.
    /// - Returns: false when there was nothing to do.
    private func publishOnce() throws -> Bool {
        guard try !rows().isEmpty else {
            try forgetOthers()
            return false
        }
        guard try connect(), let connection else { return true }
        // What was found in the topic is marked now.
        let left = try passOver(try rows())
        guard !left.isEmpty else { return true }
        try send(left, connection)
        return true
    }

    private func rows() throws -> [OutboxRow] {
        let isCareful = lastSent < oneByOneUpTo
        return try context.state {
            try $0.unpublished(settings.name, after: lastSent, limit: isCareful ? 1 : Self.batch)
        }
    }

    private func connect() throws -> Bool {
        guard connection == nil else { return true }
        stateID = try context.state { try $0.stateID() ?? "" }
        guard !stateID.isEmpty else {
            context.rest(100)
            return false
        }
        let takeover = try TakeoverOperation(context, stateID: stateID).run()
        (offsets, sentBefore, ownedAt) = (takeover.offsets, takeover.sentBefore, takeover.claimedAt)
        (connection, fence) = (takeover.connection, takeover.fence)
        return true
    }

    private func checkOwnership() throws {
        let now = context.time.monotonic()
        guard now - ownedAt > Self.ownershipMilliseconds else { return }
        let isOurs = try fence?.mark(
            topic: settings.topic, partitions: [0], timeoutMilliseconds: context.limit(5000))
        guard isOurs == true else { throw KafkaError.unknownOwner }
        // Not the moment of the answer: another may have claimed it while this one was on its way.
        ownedAt = now
    }

    /// Marks rows that others have sent.
    /// - Returns: the rest.
    private func passOver(_ rows: [OutboxRow]) throws -> [OutboxRow] {
        guard let sentBefore else { return rows }
        let sent = rows.filter { sentBefore.contains($0) }
        guard !sent.isEmpty else { return rows }
        let now = context.time.wall()
        try context.state {
            try $0.markPublished(settings.name, numbers: sent.map(\.number), offsets: offsets, now: now)
        }
        return rows.filter { !sentBefore.contains($0) }
    }

    /// Once everything that others had sent was read, the topic need not be looked through any more.
    private func forgetOthers() throws {
        guard let sentBefore else { return }
        let isOver = try context.state { store in
            // In one go: a flush between the two questions would bring rows that are not marked yet.
            guard try store.unpublished(settings.name, after: 0, limit: 1).isEmpty,
                sentBefore.isBelow(try store.progress().partitions)
            else { return false }
            try store.forgetRestored(settings.name)
            return true
        }
        if isOver { self.sentBefore = nil }
    }

    // MARK: Sending

    private func send(_ rows: [OutboxRow], _ connection: OutboxConnection) throws {
        guard let last = rows.last else { return }
        try context.state {
            try $0.beginPublishing(settings.name, topic: settings.topic, upTo: last.number, from: offsets)
        }
        failPoint("\(settings.name.rawValue).numbered")
        // Only now: a write to the state takes as long as the disk does, and nothing may lie between the look and the batch.
        context.neededRight = "WRITE"
        try checkOwnership()
        failPoint("\(settings.name.rawValue).looked")
        let report = try connection.send(rows)
        failPoint("\(settings.name.rawValue).sent")
        try book(report)
        if report.open > 0 { throw OutboxStopped() }
        guard report.refused.isEmpty else { return try refused(rows, report) }
        lastSent = last.number
    }

    /// Marks what was acknowledged. After a failure everything starts again from what the topic has.
    private func book(_ report: OutboxConnection.Report) throws {
        for (partition, end) in report.ends { offsets[partition] = end }
        let now = context.time.wall()
        let acknowledged = report.acknowledged
        // With a failure the offsets stay: reading back begins there.
        let isClean = report.failure == nil && report.open == 0
        try context.state { store in
            let known = try store.outboxOffsets(settings.name, topic: settings.topic) ?? offsets
            try store.markPublished(
                settings.name, numbers: acknowledged, offsets: isClean ? offsets : known, now: now)
        }
        if !acknowledged.isEmpty {
            context.log.debug(
                "published \(acknowledged.count) \(settings.name.rawValue) events",
                metadata: [
                    "events": .stringConvertible(acknowledged.count),
                    "offsets": Facts.ends(report.ends.map { ($0, $1) }),
                ])
        }
        if let failure = report.failure { throw failure }
    }

    /// Rows that the topic refused are sent again one by one; one that it refuses alone is passed.
    private func refused(_ rows: [OutboxRow], _ report: OutboxConnection.Report) throws {
        guard let last = rows.last else { return }
        guard rows.count == 1, let refusal = report.refusal else {
            // Those before it are marked; the rest is read again from the state.
            (oneByOneUpTo, lastSent) = (last.number, 0)
            return
        }
        let incident = Incident(
            kind: "\(settings.name.rawValue)-not-publishable",
            detail:
                "topic \(settings.topic) refuses the \(settings.name.rawValue) event of partition \(last.partition), "
                + "offset \(last.offset) (\(last.payload.count) bytes): \(refusal.message)\(limitText(refusal)); it stays in "
                + "\(settings.name.rawValue)_events and is not published")
        context.log.error(
            "\(incident.detail)", metadata: Facts.place(partition: last.partition, offset: last.offset))
        let now = context.time.wall()
        try context.state {
            try $0.passUnpublished(settings.name, number: last.number, incident: incident, now: now)
        }
        lastSent = last.number
    }

    private func limitText(_ refusal: KafkaError) -> String {
        guard refusal.isTooLarge else { return "" }
        return connection?.maximumBatchBytes.map { " (its max.message.bytes is \($0))" } ?? ""
    }
}
