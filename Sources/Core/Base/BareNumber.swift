// What the types of units have in common: one stored number, which prints and encodes as that number alone.
//
// Invariant: description and coding are those of `rawValue`, so that text, JSON and the state's file say what they would say
// of the number. None is `CodingKeyRepresentable`: a dictionary by partition is stored as a list of keys and values in turn,
// as one by `Int32` is, and would become an object.

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
