// Truncates bounds of long text (https://iceberg.apache.org/spec/#manifests, lower_bounds and upper_bounds). A prefix
// is a lower bound. A truncated upper bound must stay above every value, so its last code point is incremented.

/// Truncates bounds to a length.
package enum Bounds {
    /// The length of Iceberg's default metrics mode, `truncate(16)`, in Unicode code points.
    package static let defaultLength = 16

    /// A lower bound of the text: at most `length` code points.
    package static func lower(_ text: String, length: Int = defaultLength) -> String {
        var result = String.UnicodeScalarView()
        result.append(contentsOf: text.unicodeScalars.prefix(length))
        return String(result)
    }

    /// An upper bound, inclusive, of the text and, when truncated, of every text with the same first `length` code
    /// points. At most `length` code points; nil when each of them is U+10FFFF.
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

    /// The next code point, skipping surrogates; nil after U+10FFFF.
    private static func next(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        scalar.value == 0xD7FF ? Unicode.Scalar(0xE000 as UInt32) : Unicode.Scalar(scalar.value + 1)
    }
}
