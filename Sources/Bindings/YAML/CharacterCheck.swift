// Rejects characters that a settings file must not contain, before the parser reads them.
//
// libyaml reports such characters by byte offset only, and guesses UTF-16. It also counts U+0085, U+2028 and U+2029 as
// line ends, which editors do not; rejecting them keeps its line numbers equal to the editor's.

enum CharacterCheck {
    /// Checks every character.
    /// - Returns: The number of characters (Unicode scalars) and of lines; an empty file has one line.
    /// - Throws: `YAMLError` at the first character that is not allowed, or not UTF-8.
    static func count(_ bytes: [UInt8], name: String) throws(YAMLError) -> (characters: Int, lines: Int) {
        var line = 1
        var characters = 0
        var previous: Unicode.Scalar = "\n"
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .emptyInput:
                let endsWithLine = characters > 0 && (previous == "\n" || previous == "\r")
                return (characters, endsWithLine ? line - 1 : line)
            case .error: throw YAMLError(name: name, line: line, "not UTF-8; save the file as UTF-8")
            case .scalarValue(let scalar):
                if let problem = problem(scalar) { throw YAMLError(name: name, line: line, problem) }
                characters += 1
                // CR LF is one line end.
                if scalar == "\r" || (scalar == "\n" && previous != "\r") { line += 1 }
                previous = scalar
            }
        }
    }

    private static func problem(_ scalar: Unicode.Scalar) -> String? {
        let code = String(scalar.value, radix: 16, uppercase: true)
        let hex = String(repeating: "0", count: max(0, 4 - code.count)) + code
        switch scalar.value {
        case 0: return "a NUL byte; is this a text file? Remove the byte"
        case 0x09, 0x0A, 0x0D, 0x20...0x7E: return nil
        case ...0x9F where scalar.value != 0x85: return "the control character U+\(hex); remove it"
        case 0x85, 0x2028, 0x2029: return "the line end U+\(hex), which editors do not show as one; remove it"
        case 0xFEFF: return "a byte order mark inside the file; remove it"
        case 0xFFFE, 0xFFFF: return "U+\(hex), which is not a character; remove it"
        default: return nil
        }
    }
}
