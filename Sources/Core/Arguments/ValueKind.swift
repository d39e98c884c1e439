// Kinds of option values. A kind reads a value from text, writes it back, and describes its form.

import Base

/// The text form of an option's value.
package struct ValueKind<Value>: Sendable {
    /// Reads a value; nil when the text is not one.
    package let read: @Sendable (String) -> Value?
    /// Writes a value as a text that `read` accepts.
    package let write: @Sendable (Value) -> String
    /// All values, for help, completions and messages; empty when they are not enumerable.
    package var choices: [String] = []
    /// A sentence on the form of a valid value; nil when the placeholder suffices.
    package var hint: String?
    /// The value names a file.
    package var files: FileNames?

    package init(
        choices: [String] = [], hint: String? = nil, read: @escaping @Sendable (String) -> Value?,
        write: @escaping @Sendable (Value) -> String
    ) {
        (self.read, self.write, self.choices, self.hint) = (read, write, choices, hint)
    }

    /// The same texts for values of another type.
    package func mapped<Other>(
        _ forth: @escaping @Sendable (Value) -> Other, _ back: @escaping @Sendable (Other) -> Value
    ) -> ValueKind<Other> {
        var kind = ValueKind<Other>(
            choices: choices, hint: hint, read: { [read] in read($0).map(forth) }, write: { [write] in write(back($0)) }
        )
        kind.files = files
        return kind
    }
}

/// The files that a shell offers.
package enum FileNames: Equatable, Sendable {
    case every
    /// Files with this extension, given without the dot.
    case withExtension(String)
}

extension ValueKind where Value == String {
    package static var text: ValueKind { ValueKind(read: { $0 }, write: { $0 }) }

    /// The name of a file.
    package static func file(_ names: FileNames) -> ValueKind {
        var kind = text
        kind.files = names
        return kind
    }
}

extension ValueKind where Value: FixedWidthInteger & SendableMetatype {
    /// A whole number.
    package static var number: ValueKind { ValueKind(read: { Value($0) }, write: { $0.description }) }
}

extension ValueKind where Value == Double {
    /// A number; neither infinite nor NaN.
    package static var number: ValueKind {
        ValueKind(read: { Double($0).flatMap { $0.isFinite ? $0 : nil } }, write: { $0.description })
    }
}

extension ValueKind where Value: RawRepresentable<String> & CaseIterable & SendableMetatype {
    /// One of the enumeration's names.
    package static var choice: ValueKind {
        ValueKind(choices: Value.allCases.map(\.rawValue), read: { Value(rawValue: $0) }, write: { $0.rawValue })
    }
}

extension ValueKind where Value == Int64 {
    /// A duration in milliseconds: `200ms`, `20s`, `1.5h`, `7d`.
    package static var duration: ValueKind {
        ValueKind(
            hint: "A duration is a number with ms, s, m, h or d, such as 200ms or 7d.",
            read: { Quantity.durations.read($0) }, write: { Quantity.durations.write($0) })
    }

    /// A size in bytes: `512KiB`, `64MiB`, `10GiB`, a decimal unit such as `10MB`, or a number of bytes.
    package static var size: ValueKind {
        ValueKind(
            hint: "A size is a number with KiB, MiB or GiB, such as 10GiB.",
            read: { Quantity.sizes.read($0, plain: 1) }, write: { Quantity.sizes.write($0) })
    }
}
