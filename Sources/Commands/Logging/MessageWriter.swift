// Writes messages as text. Messages are untrusted input: control characters are escaped before they reach a terminal.

import Base
import Foundation
import Kafka
import Query
import SQLite
import TopicBrowser

/// Writes messages in one format.
struct MessageWriter {
    /// The most of one value that the pretty format shows, in bytes.
    static let shownBytes = 64 << 10
    /// The largest value that is parsed and indented as JSON, in bytes.
    static let layoutBytes = 1 << 20
    /// The most of one value that a table keeps, in bytes; its cells show less.
    private static let cellBytes = 1 << 10

    private let format: TopicFormat
    private let out: Output
    private var rows: ResultWriter
    private var isFirst = true

    init(_ format: TopicFormat, showsHeader: Bool, null: String?, _ out: Output) {
        (self.format, self.out) = (format, out)
        var rowFormat = OutputFormat.tsv
        if case .rows(let format) = format { rowFormat = format }
        rows = ResultWriter(rowFormat, showsHeader: showsHeader, null: null, maxCellColumns: 60, to: out)
    }

    /// Writes the names of the columns, once.
    private mutating func begin() {
        guard isFirst else { return }
        isFirst = false
        rows.begin(["kafka_partition", "kafka_offset", "timestamp", "key", "value", "headers", "binary"])
    }

    /// Writes the end of the document, and its beginning when there was no message.
    mutating func end() {
        guard format != .pretty else { return }
        begin()
        rows.end()
    }

    mutating func message(_ message: Message) {
        guard case .rows(let format) = format else { return pretty(message) }
        begin()
        rows.row(values(message, format))
    }

    // MARK: Rows

    private func values(_ message: Message, _ format: OutputFormat) -> [Value] {
        var binary: [String] = []
        let key = value(message.key, "key", format, &binary)
        let content = value(message.value, "value", format, &binary)
        let headers = headers(message.headers, &binary).map { Value.text(safe($0, format)) } ?? .null
        return [
            .integer(Int64(message.partition.rawValue)), .integer(message.offset.rawValue),
            Self.time(message.timestamp).map(Value.text) ?? .null,
            key, content, headers, binary.isEmpty ? .null : .text(binary.joined(separator: ",")),
        ]
    }

    private func value(_ bytes: [UInt8]?, _ name: String, _ format: OutputFormat, _ binary: inout [String]) -> Value {
        guard let bytes else { return .null }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            binary.append(name)
            return .blob(format.isStreaming ? bytes : Array(bytes.prefix(Self.cellBytes)))
        }
        guard format.isStreaming else { return .text(Self.prefix(text, Self.cellBytes)) }
        return .text(safe(text, format))
    }

    /// On a terminal, escapes the control characters that the format does not escape itself.
    private func safe(_ text: String, _ format: OutputFormat) -> String {
        guard out.isTerminal else { return text }
        let kept: Set<Character> =
            switch format {
            case .csv, .html: ["\n"]
            case .tsv: ["\n", "\r", "\t", "\r\n"]
            default: []
            }
        if kept.isEmpty { return text }
        return text.reduce(into: "") { $0 += kept.contains($1) ? String($1) : SafeText.visible(String($1)) }
    }

    /// Names and values as JSON: `[["name","value"],...]`; nil when there are none.
    private func headers(_ headers: [Message.Header], _ binary: inout [String]) -> String? {
        guard !headers.isEmpty else { return nil }
        let pairs = headers.map { header in
            let value = header.value.map { bytes in
                String(validating: bytes, as: UTF8.self).map(Self.json)
                    ?? {
                        if binary.last != "headers" { binary.append("headers") }
                        return Self.json(Data(bytes).base64EncodedString())
                    }()
            }
            return "[\(Self.json(header.name)),\(value ?? "null")]"
        }
        return "[\(pairs.joined(separator: ","))]"
    }

    private static func json(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }

    /// `2021-01-26T12:04:44.123Z`.
    static func time(_ milliseconds: Int64?) -> String? {
        // Years of four digits.
        guard let milliseconds, (0...253_402_300_799_999).contains(milliseconds) else { return nil }
        let fraction = String(1000 + milliseconds % 1000).dropFirst()
        return UTCText.milliseconds(milliseconds).dropLast() + ".\(fraction)Z"
    }

    // MARK: For people

    private mutating func pretty(_ message: Message) {
        if !isFirst { out.write("\n") }
        isFirst = false
        var head = "partition \(message.partition), offset \(message.offset)"
        if let time = Self.time(message.timestamp) { head += ", \(time)" }
        if let key = message.key { head += ", key \(Self.line(key))" }
        let isColoured =
            out.isTerminal && Terminal.takesEscapes(1)
            && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
        out.write(isColoured ? "\u{1B}[1m\(head)\u{1B}[0m\n" : head + "\n")
        for header in message.headers {
            out.write("  \(SafeText.visible(header.name)): \(header.value.map(Self.line) ?? "(null)")\n")
        }
        out.write(Self.body(message.value) + "\n")
    }

    /// A key or a header's value on one line.
    static func line(_ bytes: [UInt8]) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { return hex(bytes, shown: 64) }
        let shown = prefix(text, 1 << 10)
        return SafeText.visible(shown) + (shown.utf8.count < text.utf8.count ? "…" : "")
    }

    /// A value over as many lines as it takes.
    static func body(_ bytes: [UInt8]?) -> String {
        guard let bytes else { return "(no value: a tombstone)" }
        guard !bytes.isEmpty else { return "(empty)" }
        guard let text = String(validating: bytes, as: UTF8.self) else { return hex(bytes, shown: 512) }
        let layout = bytes.count <= layoutBytes ? PrettyJSON.text(bytes) : nil
        let whole = layout.map { String(decoding: $0, as: UTF8.self) } ?? text
        let shown = prefix(whole, shownBytes)
        let lines = shown.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        let safe = lines.map { SafeText.visible(String($0)) }.joined(separator: "\n")
        guard shown.utf8.count < whole.utf8.count else { return safe }
        return safe + "…\n(\(bytes.count) bytes in all; --format jsonl shows them)"
    }

    private static func hex(_ bytes: [UInt8], shown: Int) -> String {
        let digits = bytes.prefix(shown).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return
            "x'\(digits)\(bytes.count > shown ? "…" : "")' (\(bytes.count) byte\(bytes.count == 1 ? "" : "s"), not UTF-8)"
    }

    /// The first characters of a text, at most `bytes` of UTF-8.
    static func prefix(_ text: String, _ bytes: Int) -> String {
        guard text.utf8.count > bytes else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: bytes)
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}
