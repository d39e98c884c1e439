// The errors of this target: what is wrong, in which file, at which byte.

import Base

/// Why Avro bytes or values were refused.
package struct AvroError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    package let reason: String
    /// The file, as the caller named it; empty when there is none.
    package let file: String
    /// The byte of the file; for a compressed block, of the block's start. Nil when no byte is concerned.
    package let position: Int?

    /// An error about `file`.
    package init(_ reason: String, file: String = "", position: Int? = nil) {
        self.reason = reason
        self.file = file
        self.position = position
    }

    /// One line for people.
    package var description: String {
        let place = position.map { ", byte \($0)" } ?? ""
        return (file.isEmpty ? "Avro\(place): \(reason)" : "Avro file \(file)\(place): \(reason)").onOneLine
    }
}

/// What a cursor or a plan finds wrong, before the file is known.
struct AvroFault: Error {
    let reason: String
    let position: Int
}
