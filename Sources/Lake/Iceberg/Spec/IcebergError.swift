// The error type of reading, changing and planning tables. Catalogs report their own (Catalog.swift).

import Base

/// A table, or a change of it, that is refused.
package struct IcebergError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of refusal.
    package enum Kind: Sendable, Equatable {
        /// The bytes or the JSON violate the specification.
        case malformed
        /// Valid by the specification but not supported: format versions other than 2 and 3, equality deletes, and some
        /// compressions, actions and requirements. The reason names it.
        case unsupported
        /// The table's state does not allow the change.
        case invalid
        /// The table, or a file or entries it refers to, is missing.
        case missing
    }

    /// The kind of refusal.
    package let kind: Kind
    /// What is wrong.
    package let reason: String
    /// The file or the part of it; empty when the reason suffices.
    package let subject: String

    /// An error of this kind about `subject`.
    package init(_ kind: Kind, _ reason: String, in subject: String = "") {
        self.kind = kind
        self.reason = reason
        self.subject = subject
    }

    /// The error in one line.
    package var description: String { (subject.isEmpty ? reason : "\(subject): \(reason)").onOneLine }

    /// The error with its subject qualified by `outer`, such as the file.
    func within(_ outer: String) -> IcebergError {
        IcebergError(kind, reason, in: subject.isEmpty ? outer : "\(outer): \(subject)")
    }
}
