// A librdkafka handle, shared by consumer and producer code: configuration, callbacks, metadata queries.
// librdkafka copies the configuration. It calls the log callback on any of its threads, and the error and delivery
// callbacks on the thread that polls. The callbacks outlive the handle: `Ending` holds them until librdkafka has
// destroyed it.

package import Base
import CRdKafka
import Dispatch
import Foundation
import Glibc

/// A log line of librdkafka.
package struct KafkaLogLine: Sendable {
    /// The syslog level: 3 error, 4 warning, 6 info, 7 debug.
    package let level: Int
    /// The facility, for example `FAIL`.
    package let facility: String
    /// The text.
    package let text: String
}

/// The range of a partition's offsets.
package struct OffsetRange: Equatable, Sendable {
    /// The first offset (inclusive).
    package let low: KafkaOffset
    /// The end (exclusive): the offset of the next record.
    package let high: KafkaOffset

    /// Makes a range.
    package init(low: KafkaOffset, high: KafkaOffset) { (self.low, self.high) = (low, high) }
}

/// The delivery report of one record.
package struct Delivery: Sendable {
    /// The tag given to `send`.
    package let tag: Int
    /// The record's partition.
    package let partition: PartitionID
    /// The record's offset, when it was delivered.
    package let offset: KafkaOffset
    /// The error of a failed delivery; nil when the broker acknowledged the record.
    package let failure: KafkaError?

    /// Makes a report.
    package init(tag: Int, partition: PartitionID, offset: KafkaOffset, failure: KafkaError?) {
        (self.tag, self.partition, self.offset, self.failure) = (tag, partition, offset, failure)
    }
}

/// The receiver of librdkafka's callbacks.
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

/// Destroys a handle on a separate thread. Safe to share: by then only `run` uses the handle.
private final class Ending: @unchecked Sendable {
    private let handle: OpaquePointer
    private let callbacks: Callbacks
    /// The handles being destroyed. The process crashes when its exit handlers interrupt one.
    private static let all = DispatchGroup()

    init(handle: OpaquePointer, callbacks: Callbacks) {
        (self.handle, self.callbacks) = (handle, callbacks)
        Self.all.enter()
    }

    func run() {
        withExtendedLifetime(callbacks) { rd_kafka_destroy(handle) }
        Self.all.leave()
    }

    /// Waits until all handles are destroyed, or the timeout expires.
    static func wait(milliseconds: Int) { _ = all.wait(timeout: .now() + .milliseconds(milliseconds)) }
}

/// A librdkafka handle.
final class Client {
    let handle: OpaquePointer
    let callbacks: Callbacks
    /// Deinitialization waits at most 500 ms until librdkafka has destroyed this and other handles.
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

    /// librdkafka destroys a handle after every request is answered or timed out. That can take a minute, for example
    /// for a commit to an unreachable broker, so it continues in the background after 500 ms, or ends with the process.
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

    /// Makes closing a connection, also at the end of the process, reset it: the kernel then drops unsent bytes instead
    /// of delivering them later.
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
        // rd_kafka_clusterid does not request metadata; it only waits for it.
        var metadata: UnsafePointer<rd_kafka_metadata>?
        guard rd_kafka_metadata(handle, 0, nil, &metadata, timeoutMilliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR else {
            return nil
        }
        rd_kafka_metadata_destroy(metadata)
        guard let text = rd_kafka_clusterid(handle, timeoutMilliseconds) else { return nil }
        defer { rd_kafka_mem_free(handle, text) }
        return String(cString: text)
    }

    /// The number of partitions of each topic by name, or of `topic` only.
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

    /// A topic's partitions, and the errors that the cluster reports for them.
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

    /// The range of offsets of a partition, from its leader.
    func offsets(of topic: String, partition: PartitionID, timeoutMilliseconds: Int32) throws -> OffsetRange {
        var low: Int64 = 0
        var high: Int64 = 0
        let code = rd_kafka_query_watermark_offsets(
            handle, topic, partition.rawValue, &low, &high, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code) }
        return OffsetRange(low: KafkaOffset(rawValue: low), high: KafkaOffset(rawValue: high))
    }
}
