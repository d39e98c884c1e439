// The exact integer that a number with a fraction or exponent represents.
//
// Neither Double (53 bits) nor Decimal (38 digits) holds every JSON number, so the decimal digits decide:
// 16116626840e-1 is an integer, 1611662684.00000000000000000000000000000000000000001 is not.

/// The integer value of a number.
enum NumberText: Equatable {
    /// The number is this integer.
    case integer(Int64)
    /// The number is an integer that does not fit 64 bits.
    case tooLarge
    /// The number is not an integer.
    case fraction

    /// Reads a number whose grammar was checked (RFC 8259, section 6).
    init(_ text: Slice<UnsafeRawBufferPointer>) {
        var mantissa = Mantissa()
        var position = text.startIndex
        while position < text.endIndex, text[position] | 0x20 != UInt8(ascii: "e") {
            mantissa.take(text[position])
            position += 1
        }
        let exponent = position < text.endIndex ? Self.exponent(text[(position + 1)...]) : 0
        self = mantissa.times10(toThe: exponent)
    }

    /// Far above any exponent that fits 64 bits, and far below an overflow when the number of digits is added.
    private static let largestExponent = 1 << 48

    private static func exponent(_ text: Slice<UnsafeRawBufferPointer>) -> Int {
        var value = 0
        for byte in text where byte &- 0x30 < 10 { value = min(value * 10 + Int(byte - 0x30), largestExponent) }
        return text.first == UInt8(ascii: "-") ? -value : value
    }

    private struct Mantissa {
        /// The digits so far, without trailing zeros.
        private var value: Int64 = 0
        private var overflowed = false
        /// Number of trailing zeros.
        private var zeros = 0
        private var fractionDigits = 0
        private var isFraction = false
        private var isNegative = false

        mutating func take(_ byte: UInt8) {
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): isFraction = true
            case UInt8(ascii: "0"):
                if isFraction { fractionDigits += 1 }
                if value != 0 || overflowed { zeros += 1 }
            default:
                if isFraction { fractionDigits += 1 }
                shift(by: zeros + 1)
                add(Int64(byte &- 0x30))
                zeros = 0
            }
        }

        private mutating func add(_ digit: Int64) {
            let (sum, overflow) = value.addingReportingOverflow(isNegative ? -digit : digit)
            value = sum
            if overflow { overflowed = true }
        }

        private mutating func shift(by places: Int) {
            guard value != 0, !overflowed else { return }
            for _ in 0..<min(places, 20) {
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                if overflow {
                    overflowed = true
                    return
                }
                value = product
            }
        }

        func times10(toThe exponent: Int) -> NumberText {
            if value == 0, !overflowed { return .integer(0) }
            let places = exponent - fractionDigits + zeros
            // The last nonzero digit is after the decimal point.
            if places < 0 { return .fraction }
            var shifted = self
            shifted.shift(by: places)
            return shifted.overflowed ? .tooLarge : .integer(shifted.value)
        }
    }
}
