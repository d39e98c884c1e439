// Properties that distinguish a record from another at the same offset: timestamp, leader epoch, and a hash of its
// content. Read for one record in a batch, not for each.

import CRdKafka

extension Record {
    /// librdkafka's message; nil for a record that does not come from librdkafka.
    private var source: UnsafePointer<rd_kafka_message_t>? {
        hasDetails ? nil : message.map { UnsafePointer($0.assumingMemoryBound(to: rd_kafka_message_t.self)) }
    }

    /// What a record of another source carries; nil for librdkafka's.
    var details: RecordDetails? {
        hasDetails ? message?.assumingMemoryBound(to: RecordDetails.self).pointee : nil
    }

    /// The record's timestamp, milliseconds since the Unix epoch; nil when there is none.
    package var timestamp: Int64? {
        guard let message = source else { return details?.envelope.timestamp }
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let timestamp = rd_kafka_message_timestamp(message, &kind)
        return kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || timestamp < 0 ? nil : timestamp
    }

    /// The epoch of the leader that appended the record; nil when the broker or the library does not provide it.
    package var leaderEpoch: Int32? {
        guard let message = source else { return details?.leaderEpoch }
        let epoch = pv_rd_kafka_message_leader_epoch(message)
        return epoch < 0 ? nil : epoch
    }

    /// A 64-bit hash (FNV-1a) of key and value. States store it, so its input must never change: for each of the two, a
    /// byte that is 0 for null and 1 otherwise; unless null, the length as eight bytes, little-endian, then the bytes.
    package var fingerprint: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        if let details {
            details.envelope.key.map { key in key.withUnsafeBytes { Self.add($0, to: &hash) } }
                ?? Self.add(nil, to: &hash)
        } else {
            let key = source.map { UnsafeRawBufferPointer(start: $0.pointee.key, count: $0.pointee.key_len) }
            Self.add(key?.baseAddress == nil ? nil : key, to: &hash)
        }
        Self.add(isTombstone ? nil : payload, to: &hash)
        return hash
    }

    private static func add(_ bytes: UnsafeRawBufferPointer?, to hash: inout UInt64) {
        add(UInt8(bytes == nil ? 0 : 1), to: &hash)
        guard let bytes else { return }
        var length = UInt64(bytes.count)
        for _ in 0..<8 {
            add(UInt8(truncatingIfNeeded: length), to: &hash)
            length >>= 8
        }
        for byte in bytes { add(byte, to: &hash) }
    }

    @inline(__always)
    private static func add(_ byte: UInt8, to hash: inout UInt64) {
        hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }
}
