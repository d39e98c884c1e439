// Kinds of values that options take. A kind reads a text, writes a value back as the text that it reads, and says what a right
// one looks like.

import Base

/// How an option's value is read and written.
package struct ValueKind<Value>: Sendable {
    /// nil when the text is no such value.
    package let read: @Sendable (String) -> Value?
    /// The text that `read` takes.
    package let write: @Sendable (Value) -> String
    /// All values, where they are few: for help, completions and messages.
    package var choices: [String] = []
    /// What a right value looks like, as a sentence; nil where the name of the value says it.
    package var hint: String?
    /// The value names a file.
    package var files: FileNames?

    package init(
        choices: [String] = [], hint: String? = nil, read: @escaping @Sendable (String) -> Value?,
        write: @escaping @Sendable (Value) -> String
    ) {
        (self.read, self.write, self.choices, self.hint) = (read, write, choices, hint)
    }

    /// The same values, held in another type.
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

/// Which files a shell offers.
package enum FileNames: Equatable, Sendable {
    case every
    /// Those with this extension, without the dot.
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
    /// One of few names.
    package static var choice: ValueKind {
        ValueKind(choices: Value.allCases.map(\.rawValue), read: { Value(rawValue: $0) }, write: { $0.rawValue })
    }
}

extension ValueKind where Value == Int64 {
    /// A length of time in milliseconds: `200ms`, `20s`, `1.5h`, `7d`.
    package static var duration: ValueKind {
        ValueKind(
            hint: "A duration is a number with ms, s, m, h or d, such as 200ms or 7d.",
            read: { Quantity.durations.read($0) }, write: { Quantity.durations.write($0) })
    }

    /// A size in bytes: `512KiB`, `64MiB`, `10GiB`; also powers of ten, and plain bytes.
    package static var size: ValueKind {
        ValueKind(
            hint: "A size is a number with KiB, MiB or GiB, such as 10GiB.",
            read: { Quantity.sizes.read($0, plain: 1) }, write: { Quantity.sizes.write($0) })
    }
}
