// The common part of the types of units: one stored number that prints and encodes as that number alone.
//
// Text, JSON and the state's file therefore contain the bare number; the default implementations below and the coding
// of `RawRepresentable` ensure it. No type conforms to `CodingKeyRepresentable`: stored dictionaries by partition are
// JSON arrays of alternating keys and values, and the conformance would make them objects.

/// A number with a unit.
@usableFromInline
package protocol BareNumber: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible
where RawValue: FixedWidthInteger & Sendable {}

extension BareNumber {
    /// The number alone.
    @inlinable
    package var description: String { String(rawValue) }

    @inlinable
    package static func == (left: Self, right: Self) -> Bool { left.rawValue == right.rawValue }

    @inlinable
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    @inlinable
    package func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}
