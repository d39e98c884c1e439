// The one error of reading, changing and planning; catalogs have outcomes beside it (CommitOutcome.swift).

import Base

/// Why something about a table was refused.
package struct IcebergError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What sort of refusal it is.
    package enum Kind: Sendable, Equatable {
        /// The bytes or the JSON are not what the specification says.
        case malformed
        /// Well formed, and refused on purpose: format versions other than 2 and 3, equality deletes, and compressions, actions
        /// and requirements that the specification has and this program does not read. The reason names it.
        case unsupported
        /// The table's state does not allow the change.
        case invalid
        /// The table, or a file it names, is not there.
        case missing
    }

    /// What sort of refusal it is.
    package let kind: Kind
    /// What is wrong.
    package let reason: String
    /// The file or the part of it, as people name it; empty when the reason says it all.
    package let subject: String

    /// An error of this kind about `subject`.
    package init(_ kind: Kind, _ reason: String, in subject: String = "") {
        self.kind = kind
        self.reason = reason
        self.subject = subject
    }

    /// One line for people.
    package var description: String { (subject.isEmpty ? reason : "\(subject): \(reason)").onOneLine }

    /// The same, said of a larger thing.
    func within(_ outer: String) -> IcebergError {
        IcebergError(kind, reason, in: subject.isEmpty ? outer : "\(outer): \(subject)")
    }
}
