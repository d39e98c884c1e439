// Claims an identity for publishing: the brokers refuse its earlier holder from then on, and a mark that no
// consumer sees is set at the end of each partition.
//
// Invariants: no record is ever sent. A message is put into a transaction only to register its partition with it; it
// lingers in the local queue and is purged when the transaction is aborted. The coordinator then writes a control batch to
// each registered partition, with acknowledgement by all in-sync replicas. Consumers pass over control batches, whatever
// their isolation level, but the offsets show them: docs/adr/0021.

package import Base
import CRdKafka
import Dispatch

/// A transactional producer that only fences.
package final class PublisherFence {
    private let client: Client
    private let registrations = Registrations()

    /// Counts the partitions that the coordinator has registered. librdkafka tells so in its debug lines alone; they only
    /// end a wait early.
    private final class Registrations: Sendable {
        private let count = Lock(0)

        func take(_ line: KafkaLogLine) {
            if line.facility == "ADDPARTS", line.text.hasSuffix("registered with transaction") {
                count.withLock { $0 += 1 }
            }
        }

        func reset() { count.withLock { $0 = 0 } }
        var current: Int { count.withLock { $0 } }
    }

    /// - Parameters:
    ///   - settings: librdkafka settings, later ones win.
    ///   - id: the transactional id.
    /// - Throws: `KafkaError` for a setting that librdkafka refuses.
    package init(settings: [(String, String)], id: String) throws {
        let own = [
            ("transactional.id", id), ("transaction.timeout.ms", "60000"), ("message.timeout.ms", "60000"),
            // Longer than any transaction here lasts, so that no message leaves the queue.
            ("linger.ms", "50000"), ("debug", "eos"), ("log_level", "7"),
        ]
        client = try Client(
            RD_KAFKA_PRODUCER, settings: settings + own, resetsSockets: true,
            log: { [registrations] in registrations.take($0) })
        client.waitsForItsEnd = false
    }

    /// Fences the earlier owner and waits until its transaction, also an aborted one, is complete on all replicas.
    /// - Throws: `KafkaError`; `isRetriable` when the same call may be made again to go on waiting.
    package func claim(timeoutMilliseconds: Int32) throws {
        try check(rd_kafka_init_transactions(client.handle, timeoutMilliseconds))
    }

    /// Aborts a transaction that registered these partitions and holds nothing.
    /// - Parameter timeoutMilliseconds: how long to wait for the registration, and again for the end of the transaction.
    /// - Returns: whether all partitions were registered.
    /// - Throws: `KafkaError`; `isFenced` when another has claimed the id.
    @discardableResult
    package func mark(topic: String, partitions: [PartitionID], timeoutMilliseconds: Int32) throws -> Bool {
        registrations.reset()
        try check(rd_kafka_begin_transaction(client.handle))
        var failure: KafkaError?
        for partition in partitions {
            let code = pv_rd_kafka_produce(
                client.handle, topic, partition.rawValue, nil, 0, nil, 0, nil, 0, nil)
            if code != RD_KAFKA_RESP_ERR_NO_ERROR { failure = failure ?? KafkaError(code) }
        }
        let deadline = DispatchTime.now() + .milliseconds(Int(timeoutMilliseconds))
        while registrations.current < partitions.count, failure == nil, DispatchTime.now() < deadline {
            rd_kafka_poll(client.handle, 5)
            failure = transactionFailure()
        }
        let isRegistered = registrations.current >= partitions.count
        do {
            try check(rd_kafka_abort_transaction(client.handle, timeoutMilliseconds))
        } catch let error as KafkaError {
            throw error.isFenced ? error : failure ?? error
        }
        if let failure { throw failure }
        return isRegistered
    }

    /// Why the transaction under way has failed, such as a partition that may not be written to; nil while it is well.
    private func transactionFailure() -> KafkaError? {
        // Within a transaction another cannot begin; one that has failed says why.
        do {
            try check(rd_kafka_begin_transaction(client.handle))
        } catch let error as KafkaError {
            return error.code == RD_KAFKA_RESP_ERR__STATE.rawValue ? nil : error
        } catch {}
        return nil
    }

    /// The errors since the last call.
    package func takeErrors() -> [KafkaError] {
        rd_kafka_poll(client.handle, 0)
        return client.callbacks.takeErrors()
    }

    private func check(_ error: OpaquePointer?) throws {
        guard let error else { return }
        defer { rd_kafka_error_destroy(error) }
        // The cause of a fatal error is kept apart from "this operation is not possible any more".
        var text = [CChar](repeating: 0, count: 512)
        let fatal = rd_kafka_fatal_error(client.handle, &text, text.count)
        if fatal != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(fatal, Client.string(text)) }
        var found = KafkaError(
            rd_kafka_error_code(error), rd_kafka_error_string(error).map { String(cString: $0) })
        found.isRetriable = rd_kafka_error_is_retriable(error) != 0
        throw found
    }
}
