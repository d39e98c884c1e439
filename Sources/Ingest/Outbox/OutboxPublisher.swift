// Publishes the rows of an outbox, each once.
//
// Invariants: rows are sent in the order of their numbers. A row's number is durable before the row is sent. A row is
// marked only after the broker acknowledged it with an offset, or after it was found in the topic. Publishing starts
// with a takeover (OutboxTakeover.swift), also after a failure with an unknown outcome. docs/adr/0021 has the argument.

package import Health
package import Base
import Kafka
package import Log
package import State

/// Publishes late events or rejected messages.
package final class OutboxPublisher {
    private let context: OutboxContext
    private let stop: StopSignal
    private let failPoint: (String) -> Void
    private var connection: OutboxConnection?
    private var fence: (any OutboxFence)?
    private var stateID = ""
    private var lastSent: Int64 = 0
    /// Below these offsets of the topic every row of this state is marked.
    private var offsets: [PartitionID: KafkaOffset] = [:]
    private var sentBefore: SentBefore?
    /// Rows up to this number (inclusive) are sent one by one, because the topic refused one of them.
    private var oneByOneUpTo: Int64 = 0
    /// Start of the last successful check of the identity, on the monotonic clock in milliseconds. This publisher owned
    /// the identity then.
    private var ownedAt: Int64 = 0
    private var settings: OutboxSettings { context.settings }
    private static let batch = 1000
    /// Maximum age of the last ownership check when a batch is sent, in milliseconds. It is shorter than a takeover's
    /// quiet time, so the takeover sees every batch sent after the check.
    private static let ownershipMilliseconds: Int64 = 500

    /// - Parameters:
    ///   - board: receives why nothing can be published, and since when.
    ///   - cluster: makes the connections.
    ///   - failPoint: called at each step whose interruption must be harmless.
    ///   - remaining: returns the milliseconds that are left once `stop` is set.
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

    /// Publishes until `stop` is set, and then the remaining rows until the time is over.
    /// - Returns: nil when everything was published, otherwise how many rows wait and why.
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
        // The fence first: closing the connection waits, and the fence closes meanwhile.
        fence = nil
        (connection, lastSent) = (nil, 0)
    }

    private func complain(_ error: KafkaError) {
        // The source partition and offset of the first waiting row.
        var facts: Logger.Metadata = [:]
        if let row = try? context.state({ try $0.unpublished(settings.name, after: 0, limit: 1) }).first {
            facts["source_partition"] = .stringConvertible(row.partition)
            facts["source_offset"] = .stringConvertible(row.offset)
        }
        context.complain(
            "topic \(settings.topic) at \(settings.bootstrapServers): \(explanation(error)); "
                + "\(settings.name.rawValue) events wait in the state; trying again", facts)
    }

    /// The error's text and the missing right.
    private func explanation(_ error: KafkaError) -> String {
        switch error.refusedResource {
        case .topic: "\(error.message): the user needs \(context.neededRight) on topic \(settings.topic)"
        case .group: "\(error.message): the user needs READ on group \(settings.group)"
        case .transactionalID:
            "\(error.message): the user needs DESCRIBE and WRITE on transactional id \(settings.transactionalID)"
        case .cluster:
            "\(error.message): the user needs CREATE on topic \(settings.topic) or on the cluster, and before Kafka "
                + "3.0 IDEMPOTENT_WRITE on the cluster"
        case nil: error.message
        }
    }

    /// Waits for the stop: another publisher has the identity, so this one sends nothing more.
    private func waitFenced() throws -> String? {
        context.complain(
            "topic \(settings.topic): another service publishes the \(settings.name.rawValue) events of topic "
                + "\(settings.sourceTopic) for group \(settings.group); this one publishes nothing any more: stop one "
                + "of them, then restart the one that stays")
        while !stop.wasSet { context.time.wait(stop, milliseconds: 1000) }
        return leftOver()
    }

    /// - Returns: how many rows wait and why; nil when none wait.
    private func leftOver() -> String? {
        let reason = context.complaint.map { " (\($0))" } ?? ""
        // The state itself may be unreadable.
        guard let count = try? context.state({ try $0.unpublishedCount(settings.name) }) else {
            return "\(settings.name.rawValue) events wait\(reason)"
        }
        return count == 0 ? nil : "\(count) \(settings.name.rawValue) events wait\(reason)"
    }

    /// One round: takes the topic over if there is no connection, then sends a batch.
    /// - Returns: false when there was nothing to do.
    private func publishOnce() throws -> Bool {
        guard try !rows().isEmpty else {
            try forgetOthers()
            return false
        }
        guard try connect(), let connection else { return true }
        // Rows that the takeover found in the topic are marked now.
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
        // Not the time of the answer: another publisher may have claimed the identity while it was under way.
        ownedAt = now
    }

    /// Marks the rows that other publishers have sent.
    /// - Returns: the other rows.
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

    /// Forgets what other publishers have sent, once all of it was consumed again and marked.
    private func forgetOthers() throws {
        guard let sentBefore else { return }
        let isOver = try context.state { store in
            // Under one lock: a flush between the two reads could add rows that are not marked yet.
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
        assert(
            rows[0].number > lastSent && zip(rows, rows.dropFirst()).allSatisfy { $0.number < $1.number },
            "rows are sent in the order of their numbers")
        failPoint("\(settings.name.rawValue).numbered")
        // Only now: a write to the state can take long, and nothing may come between the ownership check and the batch.
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

    /// Marks the acknowledged rows. After a failure publishing starts again with a takeover.
    /// - Throws: the report's failure.
    private func book(_ report: OutboxConnection.Report) throws {
        for (partition, end) in report.ends { offsets[partition] = end }
        let now = context.time.wall()
        let acknowledged = report.acknowledged
        // After a failure the stored offsets stay, because reading back starts there.
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

    /// Sends refused rows again one by one. Skips a row that is refused alone, with an incident.
    private func refused(_ rows: [OutboxRow], _ report: OutboxConnection.Report) throws {
        guard let last = rows.last else { return }
        guard rows.count == 1, let refusal = report.refusal else {
            // Acknowledged rows are marked; the others are read from the state again.
            (oneByOneUpTo, lastSent) = (last.number, 0)
            return
        }
        let incident = Incident(
            kind: "\(settings.name.rawValue)-not-publishable",
            detail:
                "topic \(settings.topic) refuses the \(settings.name.rawValue) event of partition \(last.partition), "
                + "offset \(last.offset) (\(last.payload.count) bytes): \(refusal.message)\(limitText(refusal)); "
                + "it stays in \(settings.name.rawValue)_events and is not published")
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
