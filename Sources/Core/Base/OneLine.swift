// Escapes text of files, servers and records in messages: it may have line ends and escape sequences of a terminal.

extension String {
    /// The text on one line: each control character and line end becomes an escape such as `\u{1b}`.
    package var onOneLine: String {
        guard unicodeScalars.contains(where: \.breaksLines) else { return self }
        var line = ""
        for scalar in unicodeScalars {
            if scalar.breaksLines {
                line += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                line.unicodeScalars.append(scalar)
            }
        }
        return line
    }
}

extension Unicode.Scalar {
    fileprivate var breaksLines: Bool {
        value < 0x20 || (0x7F...0x9F).contains(value) || value == 0x2028 || value == 0x2029
    }
}
