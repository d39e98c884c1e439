// A printable excerpt of a rejected message.

/// Makes excerpts.
enum Excerpt {
    /// Maximum number of message bytes in an excerpt.
    static let longest = 160

    /// The bytes around `position`: printable ASCII unchanged, a backslash doubled, any other byte as `\xNN`, and `...`
    /// where the message continues.
    static func of(_ bytes: UnsafeRawBufferPointer, around position: Int) -> String {
        let start = bytes.count <= longest ? 0 : max(0, min(position - longest / 2, bytes.count - longest))
        let end = min(bytes.count, start + longest)
        var text = start > 0 ? "..." : ""
        for byte in bytes[start..<end] {
            switch byte {
            case UInt8(ascii: "\\"): text += "\\\\"
            case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return end < bytes.count ? text + "..." : text
    }
}
