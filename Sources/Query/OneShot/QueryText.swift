// Durations and sizes as options give them.

/// Reads what people write in options.
public enum QueryText {
    /// Milliseconds of `250ms`, `30s`, `5m`, `2h`, `1d`, or plain seconds; nil for anything else.
    public static func milliseconds(of text: String) -> Int? {
        if let seconds = Int(text), seconds >= 0 {
            let product = seconds.multipliedReportingOverflow(by: 1000)
            return product.overflow ? nil : product.partialValue
        }
        return TimeSpan.milliseconds(of: text).map(Int.init)
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
