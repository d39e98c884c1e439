// Log lines as the parts write them: a level, a message, and the facts the message is about, each under its own name.
//
// Invariant: neither the message nor its facts are computed when the level is below the logger's.

/// Writes log lines from a level on.
package struct Logger: Sendable {
    /// How grave a line is, from the least to the most.
    package enum Level: String, CaseIterable, Comparable, Sendable {
        case trace, debug, info, notice, warning, error, critical

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
        /// Less grave.
        package static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }
    }

    /// The facts of a line by their names: `topic`, `partition`, `offset`, `table`, `snapshot` ...
    package typealias Metadata = [String: MetadataValue]

    /// One fact.
    package enum MetadataValue: Sendable {
        /// A text.
        case string(String)
        /// Integers are written as numbers in JSON, everything else as text.
        case stringConvertible(any CustomStringConvertible & Sendable)
        /// Several values.
        case array([MetadataValue])
        /// Values by name.
        case dictionary(Metadata)
    }

    /// One line.
    package struct Event: Sendable {
        /// How grave it is.
        package let level: Level
        /// The text, without its facts.
        package let message: String
        /// What the text is about.
        package let metadata: Metadata
    }

    /// Lines below this level are not written.
    package var logLevel: Level
    /// Facts of every line; a line's own win.
    private var common: Metadata = [:]
    private let write: @Sendable (Event) -> Void

    /// - Parameter write: called on the thread that logs, from many threads at once.
    package init(level: Level = .info, write: @escaping @Sendable (Event) -> Void) {
        (logLevel, self.write) = (level, write)
    }

    /// A logger whose every line has this fact as well.
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
    /// Values by name; of two with one name, the last.
    package init(dictionaryLiteral elements: (String, Self)...) {
        self = .dictionary(Dictionary(elements) { $1 })
    }
    /// Several values.
    package init(arrayLiteral elements: Self...) { self = .array(elements) }

    /// The value as people read it.
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
