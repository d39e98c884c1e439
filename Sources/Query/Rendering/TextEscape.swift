// Escapes in text, scalar by scalar: a quote or backslash that a combining mark follows is one Character with it, and
// would be overlooked by anything that compares Characters.

extension String {
    /// Each scalar for which `escape` has an answer is replaced by it.
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

    /// Between quotes, with every quote inside doubled, as SQL and CSV have it.
    func quoted(with quote: Unicode.Scalar) -> String {
        let inner = escaping { $0 == quote ? "\(quote)\(quote)" : nil }
        return "\(quote)\(inner)\(quote)"
    }
}
