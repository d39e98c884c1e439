// Pulls events from libyaml and turns its errors into lines that name the correction.
//
// Raw pointers: the parser cannot move and keeps the address of its input, so this object owns both on the heap.
// `CharacterCheck` has accepted the input.
import CYaml

/// One event and the line on which it starts.
struct Event {
    enum Kind {
        case scalar(text: String, isPlain: Bool)
        case alias(String)
        case sequenceStart, mappingStart
        case sequenceEnd, mappingEnd
        case documentStart, documentEnd
        case streamEnd
        /// The start of the stream, which carries nothing.
        case other
    }

    let kind: Kind
    /// From 1.
    let line: Int
    /// The tag as written, such as `!!int`.
    let tag: String?
}

/// The events of one file.
final class EventReader {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let size: (characters: Int, lines: Int)
    private let name: String

    /// - Parameters:
    ///   - bytes: UTF-8 without a byte order mark.
    ///   - size: The number of Unicode scalars and of lines in `bytes`.
    init(_ bytes: [UInt8], size: (characters: Int, lines: Int), name: String) throws(YAMLError) {
        self.name = name
        self.size = size
        // One extra byte: an empty file needs an address too.
        input = .allocate(capacity: bytes.count + 1)
        _ = input.initialize(from: bytes)
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else {
            throw YAMLError(name: name, line: nil, "not enough memory to read the file; free some")
        }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
        try refuseTagDirectives(bytes)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// The next event. Not to be called after `streamEnd` or an error.
    /// - Throws: `YAMLError` where the text is not YAML.
    func next() throws(YAMLError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw parserError() }
        defer { yaml_event_delete(&event) }
        return self.event(event)
    }

    /// Tags are not supported, and libyaml's time for `%TAG` lines grows with the square of their number.
    private func refuseTagDirectives(_ bytes: [UInt8]) throws(YAMLError) {
        let directive = Array("%TAG".utf8)
        var line = 1
        for start in bytes.indices where start == 0 || bytes[start - 1] == 0x0A || bytes[start - 1] == 0x0D {
            if start > 0, bytes[start - 1] == 0x0D ? bytes[start] != 0x0A : true { line += 1 }
            if bytes[start] == directive[0], bytes[start...].starts(with: directive) {
                throw YAMLError(name: name, line: line, "a %TAG line; tags are not supported, remove it")
            }
        }
    }

    private func event(_ event: yaml_event_t) -> Event {
        let line = line(event.start_mark)
        var tag: String?
        let kind: Event.Kind
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: Int(clamping: scalar.length))
            kind = .scalar(
                text: String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
            tag = Self.tagText(scalar.tag)
        case YAML_ALIAS_EVENT: kind = .alias(Self.text(event.data.alias.anchor) ?? "")
        case YAML_SEQUENCE_START_EVENT:
            kind = .sequenceStart
            tag = Self.tagText(event.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            kind = .mappingStart
            tag = Self.tagText(event.data.mapping_start.tag)
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        case YAML_DOCUMENT_START_EVENT: kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
        case YAML_STREAM_END_EVENT: kind = .streamEnd
        default: kind = .other
        }
        return Event(kind: kind, line: line, tag: tag)
    }

    /// libyaml reports a fault at the end of the file on the line after it.
    private func line(_ mark: yaml_mark_t) -> Int { min(Int(clamping: mark.line), size.lines - 1) + 1 }

    private static func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    /// libyaml expands `!!`.
    private static func tagText(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        let expanded = "tag:yaml.org,2002:"
        return text(pointer).map { $0.hasPrefix(expanded) ? "!!" + $0.dropFirst(expanded.count) : $0 }
    }

    private func parserError() -> YAMLError {
        guard parser.pointee.error != YAML_MEMORY_ERROR, let words = parser.pointee.problem else {
            return YAMLError(name: name, line: nil, "not enough memory to read the file; free some")
        }
        let problem = String(cString: words)
        let context = parser.pointee.context.map { " " + String(cString: $0) } ?? ""
        var mark = parser.pointee.problem_mark
        // libyaml notices an unclosed construct at the end of the file; the line of its start helps more.
        if mark.index >= size.characters, parser.pointee.context != nil { mark = parser.pointee.context_mark }
        let line = line(mark)
        if isTab(problem, at: parser.pointee.problem_mark) {
            return YAMLError(name: name, line: line, "not YAML: a tab as indentation; indent with spaces")
        }
        return YAMLError(name: name, line: line, "not YAML: \(problem)\(context); \(Self.advice(problem))")
    }

    /// Whether a tab caused the parser's error.
    private func isTab(_ problem: String, at mark: yaml_mark_t) -> Bool {
        if problem.contains("tab character") { return true }
        guard problem.contains("cannot start any token") else { return false }
        let text = String(decoding: input.dropLast(), as: UTF8.self).unicodeScalars
        return text.dropFirst(Int(clamping: mark.index)).first == "\t"
    }

    private static func advice(_ problem: String) -> String {
        for (words, advice) in advices where problem.contains(words) { return advice }
        return "correct it, or put the value in quotes"
    }

    /// Parts of libyaml's messages and the advice for them; the first match applies.
    private static let advices = [
        ("',' or ']'", "put commas between the elements and a ] at the end"),
        ("',' or '}'", "put commas between the pairs and a } at the end"),
        ("unexpected end of stream", "close the quotes"),
        ("unexpected document indicator", "close the quotes, or indent the line"),
        ("expected ':'", "write NAME: VALUE"),
        ("mapping values are not allowed", "put the value in quotes, or indent the line like its neighbours"),
        ("block sequence entries are not allowed", "begin the list on a line of its own"),
        (
            "did not find expected key",
            "indent the line like its neighbours; nothing may follow a closing quote or bracket"
        ),
        ("'-' indicator", "begin the line with - and indent it like its neighbours"),
        ("cannot start any token", "put the value in quotes"),
        ("unknown escape", "double the backslash, or use single quotes"),
        ("hexadecimal", "double the backslash, or use single quotes"),
        ("Unicode character escape", "write the character itself"),
        ("<document start>", "keep one mapping of NAME: VALUE lines"),
        ("directive", "remove the line"),
        ("indentation", "indent all lines alike, with spaces"),
    ]
}
