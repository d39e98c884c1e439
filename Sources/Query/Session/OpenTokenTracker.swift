// Reads text line by line and records whether the next line begins inside a string, a quoted name or a comment.
// With it the prompt knows which semicolons and backslashes count, even in text that it does not keep.

/// The open token of a text read line by line.
struct OpenTokenTracker: Equatable {
    /// The first bytes of the open token: a line lexes after them as after the whole token.
    private var opening: [UInt8] = []

    /// Properties of a line outside strings, quoted names and comments.
    struct Line: Equatable {
        /// A statement may end here, or a command begin.
        var mayEnd = false
        /// The last token, ignoring space and comments, is a semicolon: the next line begins a statement.
        var endsStatement = false
    }

    /// No open token.
    init() {}

    /// The state at the end of a text.
    init(after text: String) { _ = take(text) }

    /// The kind of the open token; nil for none.
    var openToken: OpenToken? {
        switch opening.first {
        case nil: nil
        case UInt8(ascii: "'"): .string
        case UInt8(ascii: "/"): .comment
        default: .quotedName
        }
    }

    /// A short text that leaves the same token open.
    var placeholder: String { String(decoding: opening, as: UTF8.self) }

    /// Reads one line, or several lines, without the last line break.
    mutating func take(_ line: String) -> Line {
        let bytes = opening.isEmpty ? Array(line.utf8) : opening + [0x0A] + Array(line.utf8)
        var result = Line()
        opening = []
        for token in SQLTokens(bytes) {
            if token.kind != .space, token.kind != .comment { result.endsStatement = token.kind == .semicolon }
            switch token.kind {
            case .semicolon: result.mayEnd = true
            case .other where bytes[token.range.lowerBound] == UInt8(ascii: "\\"): result.mayEnd = true
            case .comment where token.isOpen:
                result.endsStatement = false
                opening = [UInt8(ascii: "/"), UInt8(ascii: "*")]
            case .string, .quotedName: if token.isOpen { opening = [bytes[token.range.lowerBound]] }
            default: break
            }
        }
        return result
    }
}
