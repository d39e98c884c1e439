// Durations and sizes as options give them.

/// Reads what people write in options.
public enum QueryText {
    /// Milliseconds of `250ms`, `30s`, `1.5s`, `5m`, `2h`, `1d`, or plain seconds; nil for anything else.
    public static func milliseconds(of text: String) -> Int? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text.dropFirst(number.count)
        guard let digits = number.first, digits.isNumber, let value = Double(number),
            let factor = TimeSpan.milliseconds(of: "1" + (unit.isEmpty ? "s" : unit))
        else { return nil }
        let milliseconds = (value * Double(factor)).rounded()
        return milliseconds < 1e15 ? Int(milliseconds) : nil
    }

    /// Bytes of `64MiB`, `64MB`, `1GiB`, `512KiB`, `1048576`; nil for anything else.
    public static func bytes(of text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let factors = [
            "": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "kb": 1000, "mb": 1_000_000,
            "gb": 1_000_000_000,
        ]
        guard let number = Int(digits), let factor = factors[text.dropFirst(digits.count).lowercased()] else {
            return nil
        }
        let product = number.multipliedReportingOverflow(by: factor)
        return product.overflow ? nil : product.partialValue
    }
}
