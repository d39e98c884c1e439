// Claims a publisher's transactional id, after which the brokers refuse its earlier holder, and appends a mark that no
// consumer sees to each partition.
//
// No record reaches a broker. A message in a transaction only registers its partition: it lingers in the local queue,
// and aborting the transaction purges it. The coordinator then writes a control batch to each registered partition,
// acknowledged by all in-sync replicas. Consumers skip control batches at any isolation level, but the batches take
// offsets: docs/adr/0021.

package import Base
import CRdKafka
import Dispatch

/// A transactional producer that only fences.
package final class PublisherFence {
    private let client: Client
    private let registrations = Registrations()

    /// Counts the partitions that the coordinator has registered. Only librdkafka's debug lines report a registration;
    /// they merely end a wait early.
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
    /// - Throws: `KafkaError` for a setting that librdkafka rejects.
    package init(settings: [(String, String)], id: String) throws {
        let own = [
            ("transactional.id", id), ("transaction.timeout.ms", "60000"), ("message.timeout.ms", "60000"),
            // Longer than any transaction of this class, so that no message leaves the queue.
            ("linger.ms", "50000"), ("debug", "eos"), ("log_level", "7"),
        ]
        client = try Client(
            RD_KAFKA_PRODUCER, settings: settings + own, resetsSockets: true,
            log: { [registrations] in registrations.take($0) })
        client.waitsForItsEnd = false
    }

    /// Fences the earlier holder and waits until its transaction, also an aborted one, is complete on all replicas.
    /// - Throws: `KafkaError`, with `isRetriable` when the caller may repeat the call to continue waiting.
    package func claim(timeoutMilliseconds: Int32) throws {
        try check(rd_kafka_init_transactions(client.handle, timeoutMilliseconds))
    }

    /// Aborts an empty transaction that registered these partitions.
    /// - Parameter timeoutMilliseconds: the limit on the wait for the registration, and again on that for the abort.
    /// - Returns: whether all partitions were registered.
    /// - Throws: `KafkaError`, with `isFenced` when another client has claimed the id.
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

    /// The error of the current transaction, such as a denied write to a partition; nil without one.
    private func transactionFailure() -> KafkaError? {
        // Beginning another transaction returns a state error within a sound one, and the cause within a failed one.
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
        // After a fatal error every call fails alike; librdkafka keeps the cause separately.
        var text = [CChar](repeating: 0, count: 512)
        let fatal = rd_kafka_fatal_error(client.handle, &text, text.count)
        if fatal != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(fatal, Client.string(text)) }
        var found = KafkaError(
            rd_kafka_error_code(error), rd_kafka_error_string(error).map { String(cString: $0) })
        found.isRetriable = rd_kafka_error_is_retriable(error) != 0
        throw found
    }
}
