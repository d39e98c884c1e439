// The interface for logging: a line has a level, a message, and named facts about the message's subject.
//
// Below the logger's level neither the message nor its facts are computed: both are autoclosures.

/// Writes log lines of at least a level.
package struct Logger: Sendable {
    /// The severity of a line, ascending.
    package enum Level: String, CaseIterable, Comparable, Sendable {
        case trace, debug, info, notice, warning, error, critical

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
        /// Whether the left is less severe.
        package static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }
    }

    /// The facts of a line by their names: `topic`, `partition`, `offset`, `table`, `snapshot` ...
    package typealias Metadata = [String: MetadataValue]

    /// The value of a fact.
    package enum MetadataValue: Sendable {
        /// A text.
        case string(String)
        /// A value that JSON output writes as a number when it is an integer, and otherwise as text.
        case stringConvertible(any CustomStringConvertible & Sendable)
        /// Several values.
        case array([MetadataValue])
        /// Values by name.
        case dictionary(Metadata)
    }

    /// A log line.
    package struct Event: Sendable {
        /// The severity.
        package let level: Level
        /// The text, without its facts.
        package let message: String
        /// The facts.
        package let metadata: Metadata
    }

    /// The lowest level that is written.
    package var logLevel: Level
    /// Facts of every line; a line's own facts take precedence.
    private var common: Metadata = [:]
    private let write: @Sendable (Event) -> Void

    /// - Parameter write: called on the logging thread, possibly on several threads at once.
    package init(level: Level = .info, write: @escaping @Sendable (Event) -> Void) {
        (logLevel, self.write) = (level, write)
    }

    /// A logger that adds this fact to every line.
    package func with(_ name: String, _ value: MetadataValue) -> Logger {
        var logger = self
        logger.common[name] = value
        return logger
    }

    /// Writes a line of any level.
    package func log(
        _ level: Level, _ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]
    ) {
        guard level >= logLevel else { return }
        let facts = metadata()
        write(
            Event(level: level, message: message(), metadata: common.isEmpty ? facts : common.merging(facts) { $1 }))
    }

    /// Writes a line of this level.
    package func debug(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(.debug, message(), metadata: metadata())
    }

    /// Writes a line of this level.
    package func info(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(.info, message(), metadata: metadata())
    }

    /// Writes a line of this level.
    package func notice(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(.notice, message(), metadata: metadata())
    }

    /// Writes a line of this level.
    package func warning(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(.warning, message(), metadata: metadata())
    }

    /// Writes a line of this level.
    package func error(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(.error, message(), metadata: metadata())
    }

    /// Writes a line of this level.
    package func critical(_ message: @autoclosure () -> String, metadata: @autoclosure () -> Metadata = [:]) {
        log(.critical, message(), metadata: metadata())
    }
}

extension Logger.MetadataValue: ExpressibleByStringInterpolation, ExpressibleByDictionaryLiteral,
    ExpressibleByArrayLiteral, CustomStringConvertible
{
    /// A text.
    package init(stringLiteral text: String) { self = .string(text) }
    /// Values by name; the last of equal names wins.
    package init(dictionaryLiteral elements: (String, Self)...) {
        self = .dictionary(Dictionary(elements) { $1 })
    }
    /// Several values.
    package init(arrayLiteral elements: Self...) { self = .array(elements) }

    /// The value in a line of text.
    package var description: String {
        switch self {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): "[\(values.map(\.description).joined(separator: ", "))]"
        case .dictionary(let values):
            "[\(values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))]"
        }
    }
}
