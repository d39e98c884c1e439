// Splits text into SQL statements at the semicolons that end them: not those in strings, quoted names, comments or the
// body of a trigger. It follows sqlite3_complete() (https://www.sqlite.org/c3ref/complete.html) token by token, so that
// the prompt knows when to ask for another line. It accepts every text, in one pass and without recursion.
// Invariant: the statements are not empty, and in the order of the text.

/// A statement of a longer text.
struct StatementText: Equatable, Sendable {
    /// The statement without surrounding white space and comments before it, and without its semicolon.
    var text: String
    /// Offset of `text` in the whole input, in bytes of UTF-8.
    var byteOffset: Int
    /// The line of the input, from 1, on which `text` starts.
    var line: Int
    /// A semicolon ended it; false only for the last one.
    var isComplete: Bool
}

/// The parts of a text that is being typed.
struct SplitText: Equatable, Sendable {
    /// The statements in order, without empty ones.
    var statements: [StatementText]
    /// The kind of token that the text ends in: a semicolon does not count before its end.
    var openToken: OpenToken?
    /// The end of the complete statements, in bytes; the rest is still being typed.
    var completeEnd: Int
}

/// An unterminated token at the end of the text.
enum OpenToken: Equatable, Sendable {
    case string, quotedName, comment, trigger
}

/// Splits text into statements.
struct StatementSplitter {
    private let bytes: [UInt8]
    private var result = SplitText(statements: [], openToken: nil, completeEnd: 0)
    private var lines = LineCounter()
    private var trigger = TriggerTracker()
    private var start: Int?
    private var end = 0
    /// The end of the last statement that was closed, in bytes.
    private var closedEnd = 0

    /// The statements of `text`.
    static func split(_ text: String) -> SplitText {
        var splitter = StatementSplitter(bytes: Array(text.utf8))
        return splitter.run()
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func run() -> SplitText {
        for token in SQLTokens(bytes) {
            if token.isOpen { result.openToken = .init(token.kind) }
            take(token)
        }
        close(isComplete: false)
        result.openToken = result.openToken ?? (trigger.isInBody ? .trigger : nil)
        return result
    }

    private mutating func take(_ token: SQLToken) {
        switch token.kind {
        case .space, .comment: return
        case .semicolon where trigger.endsStatement:
            close(isComplete: true)
            trigger = TriggerTracker()
            result.completeEnd = token.range.upperBound
            return
        case .semicolon: trigger = trigger.after(.semicolon)
        case .word: trigger = trigger.after(.init(bytes[token.range]))
        case .string, .quotedName, .other: trigger = trigger.after(.other)
        }
        start = start ?? token.range.lowerBound
        end = token.range.upperBound
    }

    private mutating func close(isComplete: Bool) {
        guard let start else { return }
        precondition(start < end && start >= closedEnd, "statements are not empty and in order")
        closedEnd = end
        result.statements.append(
            StatementText(
                text: String(decoding: bytes[start..<end], as: UTF8.self), byteOffset: start,
                line: lines.line(at: start, in: bytes), isComplete: isComplete))
        self.start = nil
    }
}

extension OpenToken {
    fileprivate init(_ kind: SQLToken.Kind) {
        switch kind {
        case .string: self = .string
        case .quotedName: self = .quotedName
        default: self = .comment
        }
    }
}

/// Counts line breaks up to ascending offsets.
private struct LineCounter {
    private var counted = 0
    private var line = 1

    mutating func line(at offset: Int, in bytes: [UInt8]) -> Int {
        while counted < offset {
            if bytes[counted] == 0x0A { line += 1 }
            counted += 1
        }
        return line
    }
}

/// Recognises the words that open a trigger and the `; END ;` that ends it.
private struct TriggerTracker {
    enum Word {
        case explain, create, temporary, trigger, end, semicolon, other

        init(_ bytes: ArraySlice<UInt8>) {
            switch String(decoding: bytes, as: UTF8.self).lowercased() {
            case "explain": self = .explain
            case "create": self = .create
            case "temp", "temporary": self = .temporary
            case "trigger": self = .trigger
            case "end": self = .end
            default: self = .other
            }
        }
    }

    private enum State { case start, explain, normal, create, body, bodySemicolon, bodyEnd }
    private var state = State.start

    /// A semicolon at this point ends the statement.
    var endsStatement: Bool { state != .body && state != .bodySemicolon }
    var isInBody: Bool { state == .body || state == .bodySemicolon || state == .bodyEnd }

    func after(_ word: Word) -> TriggerTracker {
        var next = self
        next.state =
            switch (state, word) {
            case (.start, .explain): .explain
            case (.start, .create), (.explain, .create): .create
            case (.explain, _) where word != .trigger: .explain
            case (.create, .temporary): .create
            case (.create, .trigger): .body
            case (.body, .semicolon), (.bodySemicolon, .semicolon): .bodySemicolon
            case (.bodySemicolon, .end): .bodyEnd
            case (.body, _), (.bodySemicolon, _), (.bodyEnd, _): .body
            default: .normal
            }
        return next
    }
}
