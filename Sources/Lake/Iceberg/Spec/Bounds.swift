// Bounds of long text, cut as the specification asks: a lower bound may be cut anywhere, an upper bound must
// still be above every value, so its last character is raised.

/// Cuts bounds to a length.
package enum Bounds {
    /// What Iceberg's `truncate(16)` default keeps of a string, in Unicode code points.
    package static let defaultLength = 16

    /// A lower bound: at most `length` code points, never above the text.
    package static func lower(_ text: String, length: Int = defaultLength) -> String {
        var result = String.UnicodeScalarView()
        result.append(contentsOf: text.unicodeScalars.prefix(length))
        return String(result)
    }

    /// An upper bound: at most `length` code points, never below any text that begins like this one; nil when there is
    /// none, because every kept code point is the largest there is.
    package static func upper(_ text: String, length: Int = defaultLength) -> String? {
        let scalars = text.unicodeScalars
        guard scalars.count > length else { return text }
        var kept = [Unicode.Scalar](scalars.prefix(length))
        while let last = kept.popLast() {
            guard let raised = next(last) else { continue }
            var result = String.UnicodeScalarView()
            result.append(contentsOf: kept)
            result.append(raised)
            return String(result)
        }
        return nil
    }

    /// The code point after one; surrogates are not code points of text, so they are skipped.
    private static func next(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        scalar.value == 0xD7FF ? Unicode.Scalar(0xE000 as UInt32) : Unicode.Scalar(scalar.value + 1)
    }
}
