// Escapes in text, scalar by scalar. A quote or backslash forms one Character with a following combining mark, so a
// comparison of Characters would miss it.

extension String {
    /// Replaces each scalar for which `escape` returns a text.
    func escaping(_ escape: (Unicode.Scalar) -> String?) -> String {
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if let replacement = escape(scalar) {
                result.append(contentsOf: replacement.unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// The text between quotes, with quotes inside doubled, as in SQL and CSV.
    func quoted(with quote: Unicode.Scalar) -> String {
        let inner = escaping { $0 == quote ? "\(quote)\(quote)" : nil }
        return "\(quote)\(inner)\(quote)"
    }
}
