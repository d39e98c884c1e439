// What consumer and producer share: configuration, callbacks, questions about the cluster.
// Invariants: librdkafka copies the configuration; log lines may come from any of its threads, everything else comes on
// the thread that polls; the handle is destroyed after the callbacks' owner can no longer be called.

package import Base
import CRdKafka
import Dispatch
import Foundation
import Glibc

/// A line that librdkafka logs.
package struct KafkaLogLine: Sendable {
    /// The syslog level: 3 error, 4 warning, 6 info, 7 debug.
    package let level: Int
    /// The facility, for example `FAIL`.
    package let facility: String
    /// The text.
    package let text: String
}

/// The range of offsets that a partition has.
package struct OffsetRange: Equatable, Sendable {
    /// The first offset (inclusive).
    package let low: KafkaOffset
    /// The end (exclusive), where the next record will be.
    package let high: KafkaOffset
}

/// What became of one record that was sent.
package struct Delivery: Sendable {
    /// The tag given to `send`.
    package let tag: Int
    /// Where it went.
    package let partition: PartitionID
    /// Its offset there, when it was delivered.
    package let offset: KafkaOffset
    /// Why it was not delivered; nil when the broker acknowledged it.
    package let failure: KafkaError?
}

/// Receives what librdkafka calls back with.
final class Callbacks {
    let log: @Sendable (KafkaLogLine) -> Void
    private let errors = Lock<[KafkaError]>([])
    var delivered: ((Delivery) -> Void)?

    init(log: @escaping @Sendable (KafkaLogLine) -> Void) { self.log = log }

    func failed(_ error: KafkaError) {
        errors.withLock { if $0.count < 100 { $0.append(error) } }
    }

    func takeErrors() -> [KafkaError] {
        errors.withLock { errors in
            defer { errors = [] }
            return errors
        }
    }

    static func of(_ opaque: UnsafeMutableRawPointer?) -> Callbacks? {
        opaque.map { Unmanaged<Callbacks>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// The end of a handle, on a thread of its own. Safe to share: the handle is used by `run` alone by then.
private final class Ending: @unchecked Sendable {
    private let handle: OpaquePointer
    private let callbacks: Callbacks
    /// The ends under way. One that is cut off by the exit handlers of the process crashes it.
    private static let all = DispatchGroup()

    init(handle: OpaquePointer, callbacks: Callbacks) {
        (self.handle, self.callbacks) = (handle, callbacks)
        Self.all.enter()
    }

    func run() {
        withExtendedLifetime(callbacks) { rd_kafka_destroy(handle) }
        Self.all.leave()
    }

    /// Waits for all ends under way.
    static func wait(milliseconds: Int) { _ = all.wait(timeout: .now() + .milliseconds(milliseconds)) }
}

/// A librdkafka handle.
final class Client {
    let handle: OpaquePointer
    let callbacks: Callbacks
    /// Dropping the client waits briefly until it and other dropped clients have ended.
    var waitsForItsEnd = true

    init(
        _ kind: rd_kafka_type_t, settings: [(String, String)], resetsSockets: Bool = false,
        log: @escaping @Sendable (KafkaLogLine) -> Void
    ) throws {
        callbacks = Callbacks(log: log)
        guard let configuration = rd_kafka_conf_new() else { throw KafkaError("out of memory") }
        do {
            try Self.apply(settings, to: configuration)
        } catch {
            rd_kafka_conf_destroy(configuration)
            throw error
        }
        Self.install(callbacks, in: configuration, reports: kind == RD_KAFKA_PRODUCER)
        if resetsSockets { Self.resetSockets(configuration) }
        var text = [CChar](repeating: 0, count: 512)
        guard let made = rd_kafka_new(kind, configuration, &text, text.count) else {
            rd_kafka_conf_destroy(configuration)
            throw KafkaError(Self.string(text))
        }
        handle = made
    }

    /// librdkafka ends a handle when every request is answered or timed out, a commit to a broker that is away among them,
    /// which can take a minute. Nobody waits that long for what is not wanted any more: after a moment the rest happens in
    /// the background, or with the process.
    deinit {
        let ending = Ending(handle: handle, callbacks: callbacks)
        Thread.detachNewThread { ending.run() }
        if waitsForItsEnd { Ending.wait(milliseconds: 500) }
    }

    private static func apply(_ settings: [(String, String)], to configuration: OpaquePointer) throws {
        var text = [CChar](repeating: 0, count: 512)
        for (key, value) in settings
        where rd_kafka_conf_set(configuration, key, value, &text, text.count) != RD_KAFKA_CONF_OK {
            throw KafkaError("Kafka setting \(key): \(string(text))")
        }
    }

    private static func install(_ callbacks: Callbacks, in configuration: OpaquePointer, reports: Bool) {
        rd_kafka_conf_set_opaque(configuration, Unmanaged.passUnretained(callbacks).toOpaque())
        rd_kafka_conf_set_error_cb(configuration) { _, code, reason, opaque in
            let text = reason.map { String(cString: $0) }
            Callbacks.of(opaque)?.failed(KafkaError(code: code, text))
        }
        rd_kafka_conf_set_log_cb(configuration) { handle, level, facility, text in
            guard let handle, let facility, let text else { return }
            let line = KafkaLogLine(
                level: Int(level), facility: String(cString: facility), text: String(cString: text))
            Callbacks.of(rd_kafka_opaque(handle))?.log(line)
        }
        // A consumer given this callback logs a warning.
        guard reports else { return }
        rd_kafka_conf_set_dr_msg_cb(configuration) { _, message, opaque in
            guard let message = message?.pointee else { return }
            let failure = message.err == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(message.err)
            Callbacks.of(opaque)?.delivered?(
                Delivery(
                    tag: Int(bitPattern: message._private), partition: PartitionID(rawValue: message.partition),
                    offset: KafkaOffset(rawValue: message.offset),
                    failure: failure))
        }
    }

    /// Connections that are reset when they are closed, also by the end of the process: what the kernel has not sent by then
    /// is dropped instead of being delivered at any later time.
    private static func resetSockets(_ configuration: OpaquePointer) {
        rd_kafka_conf_set_socket_cb(configuration) { domain, type, transport, _ in
            let made = socket(domain, type | Int32(SOCK_CLOEXEC.rawValue), transport)
            guard made >= 0 else { return -1 }
            var none = linger(l_onoff: 1, l_linger: 0)
            setsockopt(made, SOL_SOCKET, SO_LINGER, &none, socklen_t(MemoryLayout<linger>.size))
            return made
        }
    }

    static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The id of the cluster; nil when no broker answered in time.
    func clusterID(timeoutMilliseconds: Int32) -> String? {
        // The question below alone only waits for metadata that something else has asked for.
        var metadata: UnsafePointer<rd_kafka_metadata>?
        guard rd_kafka_metadata(handle, 0, nil, &metadata, timeoutMilliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR else {
            return nil
        }
        rd_kafka_metadata_destroy(metadata)
        guard let text = rd_kafka_clusterid(handle, timeoutMilliseconds) else { return nil }
        defer { rd_kafka_mem_free(handle, text) }
        return String(cString: text)
    }

    /// Topics by name with their number of partitions; only `topic` when it is given.
    func partitionCounts(of topic: String?, timeoutMilliseconds: Int32) throws -> [String: Int] {
        let topicHandle = topic.flatMap { rd_kafka_topic_new(handle, $0, nil) }
        defer { topicHandle.map { rd_kafka_topic_destroy($0) } }
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(handle, topic == nil ? 1 : 0, topicHandle, &metadata, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw KafkaError(code) }
        defer { rd_kafka_metadata_destroy(metadata) }
        var counts: [String: Int] = [:]
        for index in 0..<Int(metadata.pointee.topic_cnt) {
            let entry = metadata.pointee.topics[index]
            if topic != nil, entry.err != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(entry.err) }
            counts[String(cString: entry.topic)] = Int(entry.partition_cnt)
        }
        return counts
    }

    /// A topic's partitions, and what the cluster says is wrong with them.
    func partitions(of topic: String, timeoutMilliseconds: Int32) throws -> TopicPartitions {
        let topicHandle = rd_kafka_topic_new(handle, topic, nil)
        defer { topicHandle.map { rd_kafka_topic_destroy($0) } }
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(handle, 0, topicHandle, &metadata, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else { throw KafkaError(code) }
        defer { rd_kafka_metadata_destroy(metadata) }
        guard metadata.pointee.topic_cnt > 0 else { return TopicPartitions(count: 0, faults: [:]) }
        let entry = metadata.pointee.topics[0]
        if entry.err != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(entry.err) }
        var found = TopicPartitions(count: Int(entry.partition_cnt), faults: [:])
        for index in 0..<found.count {
            let partition = entry.partitions[index]
            let id = PartitionID(rawValue: partition.id)
            found.leaders[id] = partition.leader
            if partition.leader < 0 { found.faults[id] = KafkaError(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) }
        }
        return found
    }

    /// The offsets a partition has, asked of its broker.
    func offsets(of topic: String, partition: PartitionID, timeoutMilliseconds: Int32) throws -> OffsetRange {
        var low: Int64 = 0
        var high: Int64 = 0
        let code = rd_kafka_query_watermark_offsets(
            handle, topic, partition.rawValue, &low, &high, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code) }
        return OffsetRange(low: KafkaOffset(rawValue: low), high: KafkaOffset(rawValue: high))
    }
}
