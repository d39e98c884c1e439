// The error type of this target: what is wrong, in which file, at which byte.

import Base

/// Avro bytes or values that cannot be read or written.
package struct AvroError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    package let reason: String
    /// The file's name as the caller gave it; empty when no file is involved.
    package let file: String
    /// The byte offset in the file, from 0; for a compressed block, the start of the block. Nil when no byte is at
    /// fault.
    package let position: Int?

    /// An error about `file`.
    package init(_ reason: String, file: String = "", position: Int? = nil) {
        self.reason = reason
        self.file = file
        self.position = position
    }

    /// The error in one line.
    package var description: String {
        let place = position.map { ", byte \($0)" } ?? ""
        return (file.isEmpty ? "Avro\(place): \(reason)" : "Avro file \(file)\(place): \(reason)").onOneLine
    }
}

/// A fault that a cursor or a plan finds; the reader adds the file. `position` counts from the start of the buffer.
struct AvroFault: Error {
    let reason: String
    let position: Int
}
