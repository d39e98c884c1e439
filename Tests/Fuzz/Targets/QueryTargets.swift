// Text that people and browsers send: SQL, and the requests of the page.

@testable import Dashboard
@testable import Query
@testable import TopicBrowser

extension FuzzTarget {
    /// Statements and what lies between them are the whole text; each of them alone is one statement; and the prompt, which
    /// reads line by line, sees the same token open.
    static let statement = FuzzTarget("statement", longest: 512) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        let all = Array(text.utf8)
        let split = StatementSplitter.split(text)
        var (end, line) = (0, 1)
        for (index, piece) in split.statements.enumerated() {
            let own = Array(piece.text.utf8)
            try require(
                piece.byteOffset >= end && piece.byteOffset + own.count <= all.count
                    && own.elementsEqual(all[piece.byteOffset..<piece.byteOffset + own.count]),
                "statement \(index) is not what stands at \(piece.byteOffset)")
            line += all[end..<piece.byteOffset].count { $0 == 0x0A }
            try require(piece.line == line, "statement \(index) is in line \(line), not \(piece.line)")
            line += own.count { $0 == 0x0A }
            try requireNothing(all[end..<piece.byteOffset])
            end = piece.byteOffset + own.count
            try require(piece.isComplete || index == split.statements.count - 1, "an open statement is not the last")
            if piece.isComplete {
                let alone = StatementSplitter.split(piece.text + ";")
                try require(alone.statements.map(\.text) == [piece.text], "alone it is \(alone.statements)")
                try require(end <= split.completeEnd, "it is complete at \(end), beyond \(split.completeEnd)")
            }
        }
        try requireNothing(all[end...])
        var tracker = OpenTokenTracker()
        for part in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) {
            _ = tracker.take(String(decoding: part, as: UTF8.self))
        }
        let open = split.openToken == .trigger ? nil : split.openToken
        try require(tracker.openToken == open, "line by line \(tracker.openToken as Any) is open, not \(open as Any)")
    }

    /// Between statements there are only spaces, comments and semicolons.
    private static func requireNothing(_ bytes: ArraySlice<UInt8>) throws {
        var end = 0
        let bytes = Array(bytes)
        for token in SQLTokens(bytes) {
            try require(token.range.lowerBound == end && !token.range.isEmpty, "tokens do not follow each other")
            end = token.range.upperBound
            try require([.space, .comment, .semicolon].contains(token.kind), "\(token) belongs to no statement")
        }
        try require(end == bytes.count, "the tokens end at \(end) of \(bytes.count)")
    }

    /// A body gives a statement and parameters that the session reads as the values they were.
    static let body = FuzzTarget("body", longest: 512) { bytes in
        for type in ["application/json", "text/plain"] {
            do throws(QueryBody.Fault) {
                let request = try QueryBody.parse(bytes, contentType: type)
                if type == "text/plain" {
                    try requireFault(Array(request.sql.utf8) == bytes, "another statement than was sent")
                }
                for (name, value) in request.parameters where value.hasPrefix("'") {
                    var parameters = Parameters()
                    do throws(QueryError) { try parameters.add(assignments: ["\(name)=\(value)"]) } catch {
                        // A name such as ":" is refused; the message says so.
                    }
                }
            } catch { try requireLine(error.text) }
        }
        let text = String(decoding: bytes, as: UTF8.self)
        _ = AccessRules.formValue("token", in: text)
        _ = AccessRules.session(text)
        _ = AccessRules.bearer(text)
    }

    private static func requireFault(_ holds: Bool, _ words: String) throws(QueryBody.Fault) {
        guard holds else { throw QueryBody.Fault(text: "\n" + words) }
    }

    /// An address is written as it is read; a host is never empty.
    static let listen = FuzzTarget("listen", longest: 128) { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        if let address = ListenAddress(text) {
            try require(ListenAddress(address.description) == address, "\(address) is another address")
        }
        _ = ListenAddress.host(ofHeader: text)
    }

    /// Laid-out JSON has the same tokens, and laying it out again changes nothing.
    static let layout = FuzzTarget("layout", longest: 1024) { bytes in
        guard let laidOut = PrettyJSON.text(bytes) else { return }
        try require(withoutSpace(laidOut) == withoutSpace(bytes), "more than white space changed")
        try require(PrettyJSON.text(laidOut) == laidOut, "laid out again it changes")
        // Depth is bounded, so this is the most indentation that a token can get.
        try require(laidOut.count <= bytes.count * 402 + 2, "\(laidOut.count) bytes from \(bytes.count)")
    }

    private static func withoutSpace(_ bytes: [UInt8]) -> [UInt8] {
        var (result, isInString, isEscaped): ([UInt8], Bool, Bool) = ([], false, false)
        for byte in bytes {
            if !isInString, [0x20, 0x0A, 0x0D, 0x09].contains(byte) { continue }
            if isInString, isEscaped {
                isEscaped = false
            } else if isInString, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString.toggle()
            }
            result.append(byte)
        }
        return result
    }
}
