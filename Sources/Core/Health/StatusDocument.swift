// The JSON of `status --format json` and /api/status. The names of its members are a contract with scripts: members are
// added, never renamed. Times are ISO 8601 text in UTC, sizes are in bytes, rates per second.

package import State
import Base
import Foundation

/// A member that is encoded as null when it has no value, instead of being left out.
struct OrNull<Value: Encodable>: Encodable {
    package let value: Value?

    package init(_ value: Value?) { self.value = value }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}

/// Facts and reasons, as JSON.
struct StatusDocument: Encodable {
    struct Reason: Encodable {
        package let code, text: String
        package let since: OrNull<String>
        package let advice: String
    }
    package struct Backlog: Encodable {
        package let segments, bytes: Int64
        let budgetBytes: OrNull<Int64>
    }
    struct Rates: Encodable { let consumed, late, rejected, seconds: Double }
    package struct Incident: Encodable { let at, kind, detail: String }
    package struct Service: Encodable {
        package let phase: String
        package let pid: Int32
        package let host, version, startedAt, lastSignAt: String
        package let listen: OrNull<String>
        package let memoryBytes: Int64
    }
    package struct Partition: Encodable {
        package let partition: PartitionID
        package let nextOffset: KafkaOffset
        package let highWatermarkOffset: OrNull<KafkaOffset>
        package let lag: OrNull<Int64>
        package let maxEventTime: OrNull<String>
        package let idle: Bool
        package let futureEvents: OrNull<Int64>
        let futureSkewMs: OrNull<Int64>
        package let counted, late, rejected: Int64
    }
    package struct Export: Encodable {
        package let table: String
        package let generation: Generation
        let snapshotId: OrNull<Int64>
        let committedAt: OrNull<String>
        package let rowsAdded, rowsDeleted: Int64
        package let state: String
        package let bytes, milliseconds: OrNull<Int64>
    }
    struct Reader: Encodable {
        package let pid: Int32
        package let since: String
    }

    package let healthy: Bool
    package let reasons: [Reason]
    /// The reasons again, under their former name.
    package let problems: [Reason]
    package let at, state: String
    package let topic: OrNull<String>
    package let service: OrNull<Service>
    package let generation: Generation
    package let flushedAt: OrNull<String>
    package let lag: OrNull<Int64>
    package let watermark: OrNull<String>
    package let watermarkHeldBy: OrNull<PartitionID>
    let watermarkHeldBecause: OrNull<String>
    package let rates: OrNull<Rates>
    package let backlog: Backlog
    package let lastExportAt: OrNull<String>
    package let exports: [Export]
    package let incidents: [Incident]
    package let lateEventsToPublish, rejectedMessagesToPublish, stateBytes, walBytes: Int64
    let walReaders: [Reader]
    package let partitions: [Partition]
}

/// The health of a state and its service.
package struct StatusReport: Equatable, Sendable {
    /// The input of the decision.
    package let facts: StatusFacts
    /// The reasons why it is not healthy; none when it is healthy.
    package let reasons: [StatusReason]

    /// Decides on facts.
    package init(_ facts: StatusFacts, _ thresholds: StatusThresholds = StatusThresholds()) {
        self.facts = facts
        reasons = StatusDecision.reasons(facts, thresholds)
    }

    /// Whether there is no reason.
    package var isHealthy: Bool { reasons.isEmpty }

    /// The report as JSON, one object.
    package func json(pretty: Bool = false) -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting =
            pretty ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
        // Encoding cannot fail: only numbers that are not finite could, and rates are finite.
        return (try? encoder.encode(document)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// Why the partition that holds back the watermark does so; nil when no partition does.
    var holdsBecause: String? {
        guard let held = facts.watermarkHeldBy, let partition = facts.partitions.first(where: { $0.partition == held })
        else { return nil }
        guard let latest = partition.maxEventTime else {
            return partition.hasOnlyFutureEvents
                ? "partition \(held), whose events are all too far ahead of the clock"
                : "partition \(held), which has had no event yet and is not idle"
        }
        return "partition \(held), whose latest event is of \(UTCText.milliseconds(latest.milliseconds))"
    }

    private var document: StatusDocument {
        StatusDocument(
            healthy: isHealthy, reasons: given, problems: given,
            at: UTCText.milliseconds(facts.now),
            state: facts.path, topic: OrNull(facts.topic), service: OrNull(service), generation: facts.generation,
            flushedAt: Self.time(facts.flushedAt), lag: OrNull(facts.lag),
            watermark: Self.time(facts.watermark?.milliseconds),
            watermarkHeldBy: OrNull(facts.watermarkHeldBy), watermarkHeldBecause: OrNull(holdsBecause),
            rates: OrNull(
                facts.rates.map {
                    .init(consumed: $0.consumed, late: $0.late, rejected: $0.rejected, seconds: $0.seconds)
                }),
            backlog: .init(
                segments: facts.backlogSegments, bytes: facts.backlogBytes,
                budgetBytes: OrNull(facts.health?.settings.spoolBudgetBytes)),
            lastExportAt: Self.time(facts.lastExportAt), exports: exports,
            incidents: facts.incidents.map {
                .init(at: UTCText.milliseconds($0.at), kind: $0.kind, detail: $0.detail)
            }, lateEventsToPublish: facts.lateToPublish,
            rejectedMessagesToPublish: facts.unpublishedRejected, stateBytes: facts.stateBytes,
            walBytes: facts.walBytes,
            walReaders: (facts.isRunning ? facts.health?.readers ?? [] : []).map {
                .init(pid: $0.pid, since: UTCText.milliseconds($0.since))
            }, partitions: partitions)
    }

    private var given: [StatusDocument.Reason] {
        reasons.map {
            .init(code: $0.code.rawValue, text: $0.text, since: Self.time($0.since), advice: $0.advice)
        }
    }

    private var service: StatusDocument.Service? {
        facts.health.map {
            .init(
                phase: facts.isRunning || ![.starting, .running, .stopping].contains($0.phase)
                    ? $0.phase.rawValue : "gone", pid: $0.pid, host: $0.host, version: $0.version,
                startedAt: UTCText.milliseconds($0.startedAt), lastSignAt: UTCText.milliseconds($0.beatAt),
                listen: OrNull($0.listen), memoryBytes: $0.residentBytes)
        }
    }

    private var exports: [StatusDocument.Export] {
        facts.exports.map { export in
            let commit = facts.commit(of: export)
            return .init(
                table: export.table, generation: export.generation, snapshotId: OrNull(export.snapshotID),
                committedAt: Self.time(export.committedAt), rowsAdded: export.rowsAdded,
                rowsDeleted: export.rowsDeleted,
                state: export.state, bytes: OrNull(commit?.bytes), milliseconds: OrNull(commit?.milliseconds))
        }
    }

    private var partitions: [StatusDocument.Partition] {
        facts.partitions.map { partition in
            let future = facts.future(of: partition)
            return .init(
                partition: partition.partition, nextOffset: partition.nextOffset,
                highWatermarkOffset: OrNull(partition.highWatermarkOffset), lag: OrNull(facts.lag(of: partition)),
                maxEventTime: Self.time(partition.maxEventTime?.milliseconds), idle: partition.isIdle,
                futureEvents: OrNull(future?.count), futureSkewMs: OrNull(future?.skew), counted: partition.counted,
                late: partition.late, rejected: partition.rejected)
        }
    }

    private static func time(_ milliseconds: Int64?) -> OrNull<String> {
        OrNull(milliseconds.map(UTCText.milliseconds))
    }
}

extension StatusFacts {
    /// Events of a partition that were too far ahead of the clock; nil when there were none since the service started.
    package func future(of partition: PartitionProgress) -> ServiceHealth.FutureEvents? {
        isRunning ? health?.partitions.first { $0.partition == partition.partition }?.future : nil
    }

    /// The size and duration of a commit; nil for commits of earlier processes.
    package func commit(of export: ExportRecord) -> ServiceHealth.Commit? {
        health?.commits.last { $0.commitID == export.commitID }
    }
}
