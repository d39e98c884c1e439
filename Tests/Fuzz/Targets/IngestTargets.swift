// Bytes from Kafka: messages, and the headers that the outbox keeps of them.

import Base
import Kafka

@testable import Ingest

extension FuzzTarget {
    /// The parser's verdict is that of Foundation, but for the exemptions that `FoundationReading` lists.
    static let event = FuzzTarget("event", longest: 512) { bytes in
        let ours = EventParser().verdict(bytes)
        if case .rejected(_, let position) = ours {
            try require((0...bytes.count).contains(position), "the fault is at byte \(position) of \(bytes.count)")
        }
        var reading = FoundationReading()
        let theirs = reading.read(bytes)
        if agrees(ours, theirs) { return }
        // Foundation does not say which of two names came last.
        var other = FoundationReading()
        other.userNames.reverse()
        try require(agrees(ours, other.read(bytes)), "\(ours), Foundation: \(theirs)")
    }

    private static func agrees(_ ours: Verdict, _ theirs: FoundationVerdict) -> Bool {
        switch (ours, theirs) {
        case (.event(let mine), .event(let other)): mine == other
        case (.rejected(let mine, _), .rejected(let other)): mine == other
        case (.rejected(let mine, _), .noObject): syntaxFaults.contains(mine)
        // Foundation may have rounded a number: only that both read an object with a postcode is compared.
        case (.rejected(let mine, _), .exempt):
            !syntaxFaults.contains(mine) && mine != .postcodeType && mine != .missingPostcode
        case (.event, .exempt): true
        default: false
        }
    }

    private static let syntaxFaults: Set<Rejection> = [
        .empty, .notObject, .syntax, .truncated, .trailing, .invalidUTF8, .controlInString, .escape, .surrogate,
        .number, .depth,
    ]

    /// Headers that were read are written as bytes that mean the same, and the outbox finds the same source in them.
    static let headers = FuzzTarget("headers", longest: 512) { bytes in
        let headers = HeaderCodec.decode(bytes)
        let size = headers.reduce(0) { $0 + 8 + ($1.value?.count ?? 0) }
        try require(size <= bytes.count, "\(size) bytes of headers in \(bytes.count)")
        try require(HeaderCodec.decode(HeaderCodec.encode(headers)) == headers, "other headers once written")
        func record(_ headers: [Message.Header]) -> OutboxRecord? {
            OutboxRecord(Message(partition: 0, offset: 0, timestamp: nil, key: bytes, value: nil, headers: headers))
        }
        let record = record(headers)
        try require(record == OutboxRecord(message(bytes, HeaderCodec.decode(HeaderCodec.encode(headers)))), "record")
    }

    private static func message(_ key: [UInt8], _ headers: [Message.Header]) -> Message {
        Message(partition: 0, offset: 0, timestamp: nil, key: key, value: nil, headers: headers)
    }
}
