// Follows text line by line and remembers only whether the next line begins inside a string, a quoted name or a comment.
// With it a prompt knows, at the cost of one pass, which semicolons and backslashes count, also of text it does not keep.

/// Whether a text that comes line by line has an open token.
struct OpenTokenTracker: Equatable {
    /// The first bytes of the token that is open; a text of these alone is lexed as the rest of the token would be.
    private var opening: [UInt8] = []

    /// What the line held outside of strings, quoted names and comments.
    struct Line: Equatable {
        /// A statement may end here, or a command begin.
        var mayEnd = false
        /// Its last token but for space and comments is a semicolon: the next line begins a statement.
        var endsStatement = false
    }

    /// Nothing is open.
    init() {}

    /// The state at the end of a text.
    init(after text: String) { _ = take(text) }

    /// What is open.
    var openToken: OpenToken? {
        switch opening.first {
        case nil: nil
        case UInt8(ascii: "'"): .string
        case UInt8(ascii: "/"): .comment
        default: .quotedName
        }
    }

    /// Text that stands for what came before: it leaves the same token open.
    var standIn: String { String(decoding: opening, as: UTF8.self) }

    /// Goes on to the end of `line`, which is one line or several without the last line break.
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
