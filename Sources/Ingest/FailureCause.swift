// The most informative known cause while Kafka is unreachable.
//
// librdkafka reports a refused login once, and then only timeouts, which say less. The more informative cause stays
// until Kafka answers, or until it has not been repeated for 75 s.

import Kafka

/// Keeps the most informative cause.
struct FailureCause {
    /// How informative an error is.
    enum Weight: Int, Comparable {
        /// No answer.
        case silence
        /// A connection failed, and the error says why.
        case connection
        /// The broker answered and refused.
        case refusal

        static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
    }

    private var kept: (weight: Weight, text: String, at: Int64)?
    /// librdkafka repeats the same error of a broker every 30 s, so this allows for two repeats.
    private static let keptMilliseconds: Int64 = 75_000

    /// Notes an error.
    /// - Returns: its text, or that of the more informative cause.
    mutating func words(for error: KafkaError, now: Int64) -> String {
        note(error.weight, error.isBare ? "no broker answered" : error.message, now: now)
    }

    /// Notes that no answer came.
    /// - Returns: the text of the known cause.
    mutating func words(now: Int64) -> String { note(.silence, "no broker answered", now: now) }

    mutating func note(_ weight: Weight, _ text: String, now: Int64) -> String {
        if let kept, weight < kept.weight, now - kept.at < Self.keptMilliseconds { return kept.text }
        kept = (weight, text, now)
        return text
    }

    /// Forgets the cause: Kafka answered.
    mutating func forget() { kept = nil }
}

extension KafkaError {
    /// The message is only the name of the code: no answer, or no broker.
    var isBare: Bool { isConnection && (message.hasPrefix("Local: ") || isAllDown) }

    private var isAllDown: Bool { name == "_ALL_BROKERS_DOWN" }

    var weight: FailureCause.Weight {
        if isAuthentication || isUnknownTopic { return .refusal }
        return isBare ? .silence : .connection
    }
}
