// One producer and the outcomes of its records.
//
// The producer's settings allow one request under way per broker, so no request waits behind another in a broker's
// socket. `Producer` resets its sockets at the end, so nothing leaves the machine after the process. An acknowledgement
// without an offset leaves it open whether the topic has the record.

import Base
import Kafka
import State

/// A connection that sends rows.
final class OutboxConnection {
    /// Maximum batch size of the topic in bytes; nil when it is not known.
    let maximumBatchBytes: Int?
    private let partitions: Int
    private let context: OutboxContext
    private let stateID: String
    private let producer: any OutboxProducer
    private let report: Report

    /// The delivery reports of the rows under way.
    final class Report {
        /// Numbers of the rows that were acknowledged with an offset.
        var acknowledged: [Int64] = []
        /// The offset after the last acknowledged row, by partition.
        var ends: [PartitionID: KafkaOffset] = [:]
        /// Numbers of the rows that the topic refuses, or that shared a batch with one.
        var refused: [Int64] = []
        var refusal: KafkaError?
        /// An error that leaves it open whether a row is in the topic.
        var failure: KafkaError?
        var failedPartition: PartitionID?
        /// Number of rows without a report.
        var open = 0

        func take(_ delivery: Delivery) {
            open -= 1
            switch delivery.failure {
            case nil where delivery.offset >= 0:
                acknowledged.append(Int64(delivery.tag))
                ends[delivery.partition] = max(ends[delivery.partition] ?? 0, delivery.offset.next)
            case nil:
                (failure, failedPartition) = (.unknownOffset, delivery.partition)
            case let error? where error.isRefusedRecord:
                refused.append(Int64(delivery.tag))
                refusal = error
            case let error?:
                (failure, failedPartition) = (error, delivery.partition)
            }
        }
    }

    init(_ context: OutboxContext, stateID: String, partitions: Int, maximumBatchBytes: Int?) throws {
        (self.context, self.stateID) = (context, stateID)
        (self.partitions, self.maximumBatchBytes) = (partitions, maximumBatchBytes)
        let report = Report()
        self.report = report
        let batch = max(1000, min(maximumBatchBytes ?? 900_000, 1_000_000))
        producer = try context.cluster.producer(
            [("compression.type", "lz4")] + context.settings.kafka + [
                ("enable.idempotence", "true"), ("acks", "all"), ("max.in.flight.requests.per.connection", "1"),
                ("message.timeout.ms", "0"), ("linger.ms", "5"), ("batch.size", String(batch)),
                // The topic's size limit applies, not the client's.
                ("message.max.bytes", "1000000000"), ("queue.buffering.max.kbytes", "2000000"),
            ], delivered: { report.take($0) })
    }

    /// Drops the rows that wait in the connection.
    func abandon() { producer.purge() }

    /// Sends rows and waits for their reports, a failure, or the end of the time.
    /// - Returns: the reports. They are complete when there is no failure and no row is open.
    /// - Throws: `KafkaError`, `OutboxStopped`.
    func send(_ rows: [OutboxRow]) throws -> Report {
        (report.acknowledged, report.refused, report.ends) = ([], [], [:])
        for row in rows { try send(row) }
        let began = context.time.monotonic()
        while report.open > 0, report.failure == nil, !context.isOver {
            if producer.flush(timeoutMilliseconds: context.limit(200)) { break }
            let cause = producer.takeErrors().last
            guard context.time.monotonic() - began > 5000 || cause?.isAuthentication == true else { continue }
            context.complain(
                "topic \(context.settings.topic) at \(context.settings.bootstrapServers): "
                    + (cause?.message ?? "no acknowledgement by all in-sync replicas yet") + "; trying again")
        }
        return report
    }

    private func send(_ row: OutboxRow) throws {
        let target = PartitionID(rawValue: row.partition.rawValue % Int32(clamping: max(1, partitions)))
        let envelope = OutboxRecord.envelope(row, stateID: stateID, topic: context.settings.sourceTopic)
        while true {
            do {
                try row.payload.withUnsafeBytes { payload in
                    try producer.send(
                        topic: context.settings.topic, partition: target, value: payload, envelope: envelope,
                        tag: Int(row.number))
                }
                report.open += 1
                return
            } catch let error as KafkaError where error.isQueueFull {
                try context.checkTime()
                producer.poll(timeoutMilliseconds: 100)
            } catch let error as KafkaError where error.isRefusedRecord {
                report.refused.append(row.number)
                report.refusal = error
                return
            }
        }
    }
}
