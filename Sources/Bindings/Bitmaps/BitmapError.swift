// Purpose: the one error of this target.

/// Bytes that are not a well-formed bitmap.
public struct BitmapError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public let reason: String
    /// The byte at which it was seen, counted from the start of the bitmap.
    public let position: Int

    init(_ reason: String, at position: Int) {
        self.reason = reason
        self.position = position
    }

    /// One line for people.
    public var description: String { "bitmap, byte \(position): \(reason)" }
}
