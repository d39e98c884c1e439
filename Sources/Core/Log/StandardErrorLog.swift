// Log lines on standard error: text for people, or one JSON object per line for collectors. A repeated message is
// written at most every ten seconds, with the number of suppressed repeats. Facts (topic, partition, offset, table,
// snapshot ...) are separate from the message, so that a collector need not parse it.

import Base
import Dispatch
import Foundation

/// The format of log lines.
package enum LogFormat: String, CaseIterable, Sendable {
    /// Lines for people.
    case text
    /// One JSON object per line, for collectors.
    case json
}

/// A log on standard error. A line of text: `2026-01-02T03:04:05Z warning  text [partition=3 topic=t]`. JSON: the
/// members `time`, `level`, `message`, and one per fact; integers are numbers.
package struct StandardErrorLog: Sendable {
    private let format: LogFormat
    private let repeats = RepeatedMessages()

    /// Creates a log. Use one per process: repeats are counted per log.
    package init(format: LogFormat = .text) { self.format = format }

    /// A logger that writes to this log.
    package func logger(level: Logger.Level) -> Logger { Logger(level: level) { write($0) } }

    private func write(_ event: Logger.Event) {
        let text = event.message.replacingOccurrences(of: "\n", with: " ").onOneLine
        let now = DispatchTime.now().uptimeNanoseconds / 1_000_000
        let kind = Self.kind(event.level, text, event.metadata)
        guard let suppressed = repeats.admit(kind, now: now) else { return }
        let line = Self.line(
            format, level: event.level, text: text, facts: event.metadata, suppressed: suppressed,
            time: Date().ISO8601Format())
        try? FileHandle.standardError.write(contentsOf: Data((Journal.prefix(event.level) + line).utf8))
    }

    static func line(
        _ format: LogFormat, level: Logger.Level, text: String, facts: Logger.Metadata, suppressed: Int, time: String
    ) -> String {
        switch format {
        case .text:
            let level = level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
            let known = facts.sorted { $0.key < $1.key }.map { "\($0.key)=\(plain($0.value))" }.joined(separator: " ")
            return "\(time) \(level) \(text)\(known.isEmpty ? "" : " [\(known)]")"
                + "\(suppressed > 0 ? " (\(suppressed) repeats suppressed before)" : "")\n"
        case .json:
            var members: [(String, String)] = [("time", quoted(time)), ("level", quoted(level.rawValue))]
            members.append(("message", quoted(text)))
            members += facts.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) }
            if suppressed > 0 { members.append(("left_out", "\(suppressed)")) }
            return "{" + members.map { "\(quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}\n"
        }
    }

    /// The key of equal messages. Warnings and errors repeat with other numbers (offsets, times, attempts), so their
    /// keys omit digits and include the subject. Messages of lower levels are equal only when their texts are.
    static func kind(_ level: Logger.Level, _ text: String, _ facts: Logger.Metadata) -> String {
        guard level >= .warning else { return "\(level.rawValue) \(text)" }
        let about = ["topic", "partition", "table"].map { facts[$0]?.description ?? "" }.joined(separator: "/")
        return "\(level.rawValue) \(about) \(text.filter { !$0.isNumber })"
    }

    /// Quotes a text with brackets, spaces, quotes or `=`, which would make a line ambiguous.
    private static func plain(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): return text.contains { " []\"=".contains($0) } ? quoted(text) : text
        case .stringConvertible(let value): return value.description
        case .array, .dictionary: return json(value)
        }
    }

    private static func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): return quoted(text)
        case .stringConvertible(let value):
            let isNumber = value is any BinaryInteger || value is any BareNumber
            return isNumber ? value.description : quoted(value.description)
        case .array(let values): return "[\(values.map(json).joined(separator: ","))]"
        case .dictionary(let values):
            let members = values.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(json($0.value))" }
            return "{\(members.joined(separator: ","))}"
        }
    }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
