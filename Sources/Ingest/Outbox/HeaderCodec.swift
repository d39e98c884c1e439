// Encodes the headers of a source message as one blob of the state.
//
// Each header is its name and its value, each after its length (4 bytes, big endian; 0xFFFFFFFF for a null value). A
// truncated blob, or one with a length beyond its end, decodes to the headers before the fault.

import Kafka
import State

/// Encodes and decodes headers.
enum HeaderCodec {
    /// - Returns: nil for no headers.
    static func encode(_ headers: [Message.Header]) -> [UInt8]? {
        guard !headers.isEmpty else { return nil }
        var bytes: [UInt8] = []
        for header in headers {
            append(Array(header.name.utf8), to: &bytes)
            append(header.value, to: &bytes)
        }
        return bytes
    }

    static func decode(_ bytes: [UInt8]?) -> [Message.Header] {
        guard let bytes else { return [] }
        var rest = bytes[...]
        var headers: [Message.Header] = []
        while !rest.isEmpty, case .some(let name?) = take(&rest), case .some(let value) = take(&rest) {
            headers.append(Message.Header(name: String(decoding: name, as: UTF8.self), value: value))
        }
        return headers
    }

    private static func append(_ value: [UInt8]?, to bytes: inout [UInt8]) {
        let length = value.map { UInt32(clamping: $0.count) } ?? .max
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
        bytes += value ?? []
    }

    /// - Returns: nil at a fault; `.some(nil)` for null.
    private static func take(_ rest: inout ArraySlice<UInt8>) -> [UInt8]?? {
        guard rest.count >= 4 else { return nil }
        let length = rest.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        rest = rest.dropFirst(4)
        if length == .max { return .some(nil) }
        guard rest.count >= Int(length) else { return nil }
        defer { rest = rest.dropFirst(Int(length)) }
        return Array(rest.prefix(Int(length)))
    }
}

extension SourceEnvelope {
    /// The envelope of a consumed message.
    init(_ envelope: Envelope) {
        self.init(
            key: envelope.key, headers: HeaderCodec.encode(envelope.headers), timestamp: envelope.timestamp)
    }
}
