// Constraints on values beyond their kind: bounds of one value, and checks of several.

/// The valid values of an option.
package struct Bounds<Value>: Sendable {
    let contains: @Sendable (Value) -> Bool
    /// The message after the option's name: "must be from 10ms to 1m".
    let words: String

    package init(_ words: String, _ contains: @escaping @Sendable (Value) -> Bool) {
        (self.words, self.contains) = (words, contains)
    }

    func complaint(_ value: Value) -> String? { contains(value) ? nil : words }
}

extension Bounds where Value: Comparable & Sendable {
    /// A range, bounds included; `kind` writes them for the message.
    package static func from(_ range: ClosedRange<Value>, _ kind: ValueKind<Value>) -> Bounds {
        Bounds("must be from \(kind.write(range.lowerBound)) to \(kind.write(range.upperBound))") { range.contains($0) }
    }
}

extension Bounds where Value: FixedWidthInteger & Sendable {
    /// A range, bounds included.
    package static func from(_ range: ClosedRange<Value>) -> Bounds {
        Bounds("must be from \(range.lowerBound) to \(range.upperBound)") { range.contains($0) }
    }

    /// This value or more.
    package static func atLeast(_ least: Value) -> Bounds {
        Bounds(least == 0 ? "cannot be negative" : "must be \(least) or more") { $0 >= least }
    }
}

/// A constraint on several values.
package struct Check<Root>: Sendable {
    /// The option that starts the message, and the rest; an empty option when the words are the whole message.
    typealias Complaint = (option: String, words: String)

    let complaint: @Sendable (Root) -> Complaint?

    /// - Parameter option: the option that starts the message, named as in its value's source.
    package init(_ option: String, _ words: String, _ holds: @escaping @Sendable (Root) -> Bool) {
        complaint = { holds($0) ? nil : (option, words) }
    }

    /// - Parameter message: the whole message.
    package init(_ message: String, _ holds: @escaping @Sendable (Root) -> Bool) {
        self.init("", message, holds)
    }

    /// A check that determines the invalid option.
    package init(_ find: @escaping @Sendable (Root) -> (option: String, words: String)?) { complaint = find }

    /// The same check of settings in which `Root` is a field.
    package func lifted<Whole>(_ field: any WritableKeyPath<Whole, Root> & Sendable) -> Check<Whole> {
        Check<Whole> { [complaint] in complaint($0[keyPath: field]) }
    }
}
