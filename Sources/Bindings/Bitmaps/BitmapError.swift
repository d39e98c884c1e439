// The one error type of this target.

/// Bytes that are not a well-formed bitmap.
package struct BitmapError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    package let reason: String
    /// The byte offset of the fault, from the start of the input.
    package let position: Int

    init(_ reason: String, at position: Int) {
        self.reason = reason
        self.position = position
    }

    /// One line: the position and the reason.
    package var description: String { "bitmap, byte \(position): \(reason)" }
}
