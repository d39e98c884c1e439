// Escapes in text, scalar by scalar: a quote or backslash and a combining mark after it are one Character, which a
// comparison of Characters would overlook.

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

    /// Between quotes, with every quote inside doubled, as in SQL and CSV.
    func quoted(with quote: Unicode.Scalar) -> String {
        let inner = escaping { $0 == quote ? "\(quote)\(quote)" : nil }
        return "\(quote)\(inner)\(quote)"
    }
}
