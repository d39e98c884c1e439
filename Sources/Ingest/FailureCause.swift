// What is known of the cause while Kafka cannot be reached. A refused login is told once; what comes after it, questions
// without an answer, says less. Invariant: the telling cause stays until Kafka answers, or nothing has repeated it for long.

import Kafka

/// Remembers the cause that says most.
struct FailureCause {
    /// How much an error says.
    enum Weight: Int, Comparable {
        /// Nothing came.
        case silence
        /// A connection failed, in words.
        case connection
        /// The other side answered, and refused.
        case refusal

        static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
    }

    private var kept: (weight: Weight, text: String, at: Int64)?
    /// librdkafka repeats the same error of a broker every 30 s.
    private static let keptMilliseconds: Int64 = 75_000

    /// Notes an error.
    /// - Returns: the words for it, or those of the cause that says more.
    mutating func words(for error: KafkaError, now: Int64) -> String {
        note(error.weight, error.isBare ? "no broker answered" : error.message, now: now)
    }

    /// Notes that nothing came.
    /// - Returns: the cause, as far as it is known.
    mutating func words(now: Int64) -> String { note(.silence, "no broker answered", now: now) }

    mutating func note(_ weight: Weight, _ text: String, now: Int64) -> String {
        if let kept, weight < kept.weight, now - kept.at < Self.keptMilliseconds { return kept.text }
        kept = (weight, text, now)
        return text
    }

    /// Kafka answered.
    mutating func forget() { kept = nil }
}

extension KafkaError {
    /// Nothing but the name of the code: nothing came, or nobody is there.
    var isBare: Bool { isConnection && (message.hasPrefix("Local: ") || isAllDown) }

    private var isAllDown: Bool { name == "_ALL_BROKERS_DOWN" }

    var weight: FailureCause.Weight {
        if isAuthentication || isUnknownTopic { return .refusal }
        return isBare ? .silence : .connection
    }
}
