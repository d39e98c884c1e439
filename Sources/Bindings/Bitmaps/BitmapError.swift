// The one error of this target.

/// Bytes that are not a well-formed bitmap.
package struct BitmapError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    package let reason: String
    /// The byte at which it was seen, counted from the start of the bitmap.
    package let position: Int

    init(_ reason: String, at position: Int) {
        self.reason = reason
        self.position = position
    }

    /// One line for people.
    package var description: String { "bitmap, byte \(position): \(reason)" }
}
