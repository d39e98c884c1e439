// Log lines on standard error: text for people, or one JSON object a line for collectors. A message that repeats is written
// at most every ten seconds, with the number of suppressed repeats. What a line is about (topic, partition, offset, table, snapshot ...)
// stands apart from its words, so that a collector need not read them.

import Base
import Dispatch
import Foundation

/// How log lines are written.
package enum LogFormat: String, CaseIterable, Sendable {
    /// A line for people.
    case text
    /// One JSON object a line, for collectors.
    case json
}

/// Text: `2026-01-02T03:04:05Z warning  text [partition=3 topic=t]`. JSON: members `time`, `level`, `message`, and one for each
/// fact; numbers as numbers.
package struct StandardErrorLog: Sendable {
    private let format: LogFormat
    private let repeats = RepeatedMessages()

    /// One log for the whole process, so that repeats are noticed.
    package init(format: LogFormat = .text) { self.format = format }

    /// A logger that writes here.
    package func logger(level: Logger.Level) -> Logger { Logger(level: level) { write($0) } }

    private func write(_ event: Logger.Event) {
        let text = event.message.replacingOccurrences(of: "\n", with: " ").onOneLine
        let now = DispatchTime.now().uptimeNanoseconds / 1_000_000
        let kind = Self.kind(event.level, text, event.metadata)
        guard let leftOut = repeats.admit(kind, now: now) else { return }
        let line = Self.line(
            format, level: event.level, text: text, facts: event.metadata, leftOut: leftOut,
            time: Date().ISO8601Format())
        try? FileHandle.standardError.write(contentsOf: Data((Journal.prefix(event.level) + line).utf8))
    }

    static func line(
        _ format: LogFormat, level: Logger.Level, text: String, facts: Logger.Metadata, leftOut: Int, time: String
    ) -> String {
        switch format {
        case .text:
            let level = level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
            let known = facts.sorted { $0.key < $1.key }.map { "\($0.key)=\(plain($0.value))" }.joined(separator: " ")
            return "\(time) \(level) \(text)\(known.isEmpty ? "" : " [\(known)]")"
                + "\(leftOut > 0 ? " (left out \(leftOut) times before)" : "")\n"
        case .json:
            var members: [(String, String)] = [("time", quoted(time)), ("level", quoted(level.rawValue))]
            members.append(("message", quoted(text)))
            members += facts.sorted { $0.key < $1.key }.map { ($0.key, json($0.value)) }
            if leftOut > 0 { members.append(("left_out", "\(leftOut)")) }
            return "{" + members.map { "\(quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}\n"
        }
    }

    /// What counts as the same message. Complaints repeat with other numbers in them (offsets, times, attempts); they are the
    /// same while they are about the same things. What was done is never the same as what was done before.
    static func kind(_ level: Logger.Level, _ text: String, _ facts: Logger.Metadata) -> String {
        guard level >= .warning else { return "\(level.rawValue) \(text)" }
        let about = ["topic", "partition", "table"].map { facts[$0]?.description ?? "" }.joined(separator: "/")
        return "\(level.rawValue) \(about) \(text.filter { !$0.isNumber })"
    }

    /// Brackets and spaces would make a line of text ambiguous.
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
            return value is any BinaryInteger ? value.description : quoted(value.description)
        case .array(let values): return "[\(values.map(json).joined(separator: ","))]"
        case .dictionary(let values):
            return
                "{\(values.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(json($0.value))" }.joined(separator: ","))}"
        }
    }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
