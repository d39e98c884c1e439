// Log lines on standard error: text for people, or one JSON object a line for collectors. A message that repeats is written
// at most every ten seconds, with how often it was left out.

internal import ArgumentParser
internal import Dispatch
internal import Foundation
internal import Logging
internal import Synchronization

/// How log lines are written.
enum LogFormat: String, CaseIterable, ExpressibleByArgument {
    case text, json
}

/// Text: `2026-01-02T03:04:05Z warning  text`. JSON: members `time`, `level`, `message`, and what is known of `topic`,
/// `partition` and `offset`.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    var format = LogFormat.text
    /// Shared by all copies of a logger.
    let repeats = RepeatedMessages()

    init(format: LogFormat = .text) { self.format = format }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let text = event.message.description.replacingOccurrences(of: "\n", with: " ")
        let now = DispatchTime.now().uptimeNanoseconds / 1_000_000
        guard let leftOut = repeats.admit("\(event.level.rawValue) \(text)", now: now) else { return }
        let facts = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let line = Self.line(
            format, level: event.level, text: text, facts: facts, leftOut: leftOut, time: Date().ISO8601Format())
        try? FileHandle.standardError.write(contentsOf: Data((Journal.prefix(event.level) + line).utf8))
    }

    static func line(
        _ format: LogFormat, level: Logger.Level, text: String, facts: Logger.Metadata, leftOut: Int, time: String
    ) -> String {
        switch format {
        case .text:
            let level = level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
            return "\(time) \(level) \(text)\(leftOut > 0 ? " (left out \(leftOut) times before)" : "")\n"
        case .json:
            var members: [(String, String)] = [("time", quoted(time)), ("level", quoted(level.rawValue))]
            members.append(("message", quoted(text)))
            for (key, value) in facts.sorted(by: { $0.key < $1.key }) {
                let plain = value.description
                members.append((key, Int64(plain).map { "\($0)" } ?? quoted(plain)))
            }
            if leftOut > 0 { members.append(("left_out", "\(leftOut)")) }
            return "{" + members.map { "\(quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}\n"
        }
    }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}

/// Which messages were written lately.
final class RepeatedMessages: Sendable {
    private struct Seen {
        var at: UInt64
        var leftOut: Int
    }
    private let seen = Mutex<[String: Seen]>([:])
    static let milliseconds: UInt64 = 10_000
    private static let most = 500

    /// The messages that are remembered.
    var count: Int { seen.withLock { $0.count } }

    /// - Parameter now: milliseconds of a clock that never goes back.
    /// - Returns: nil when the message is left out; otherwise how often it was since it was last written.
    func admit(_ text: String, now: UInt64) -> Int? {
        seen.withLock { seen in
            if let last = seen[text], now - last.at < Self.milliseconds {
                seen[text]?.leftOut += 1
                return nil
            }
            if seen.count >= Self.most { seen = seen.filter { now - $0.value.at < Self.milliseconds } }
            if seen.count >= Self.most { seen = [:] }
            let leftOut = seen[text]?.leftOut ?? 0
            seen[text] = Seen(at: now, leftOut: 0)
            return leftOut
        }
    }
}
