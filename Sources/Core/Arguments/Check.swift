// What values must be, beyond their kind: bounds of one, and rows that look at several.

/// The values of an option that are right.
package struct Bounds<Value>: Sendable {
    let contains: @Sendable (Value) -> Bool
    /// What follows the option's name in a message: "must be from 10ms to 1m".
    let words: String

    package init(_ words: String, _ contains: @escaping @Sendable (Value) -> Bool) {
        (self.words, self.contains) = (words, contains)
    }

    func complaint(_ value: Value) -> String? { contains(value) ? nil : words }
}

extension Bounds where Value: Comparable & Sendable {
    /// From one value to another, both right; a kind writes them for the message.
    package static func from(_ range: ClosedRange<Value>, _ kind: ValueKind<Value>) -> Bounds {
        Bounds("must be from \(kind.write(range.lowerBound)) to \(kind.write(range.upperBound))") { range.contains($0) }
    }
}

extension Bounds where Value: FixedWidthInteger & Sendable {
    package static func from(_ range: ClosedRange<Value>) -> Bounds {
        Bounds("must be from \(range.lowerBound) to \(range.upperBound)") { range.contains($0) }
    }

    package static func atLeast(_ least: Value) -> Bounds {
        Bounds(least == 0 ? "cannot be negative" : "must be \(least) or more") { $0 >= least }
    }
}

/// What values must be to each other.
package struct Check<Root>: Sendable {
    /// The option that the message begins with; empty when the words are the whole message.
    typealias Complaint = (option: String, words: String)

    let complaint: @Sendable (Root) -> Complaint?

    /// - Parameter option: the option to blame, named as its value was given.
    package init(_ option: String, _ words: String, _ holds: @escaping @Sendable (Root) -> Bool) {
        complaint = { holds($0) ? nil : (option, words) }
    }

    /// - Parameter message: the whole message.
    package init(_ message: String, _ holds: @escaping @Sendable (Root) -> Bool) {
        self.init("", message, holds)
    }

    /// A check that names the wrong option itself.
    package init(_ find: @escaping @Sendable (Root) -> (option: String, words: String)?) { complaint = find }

    /// The same check in settings that hold `Root` as one of their fields.
    package func lifted<Whole>(_ field: any WritableKeyPath<Whole, Root> & Sendable) -> Check<Whole> {
        Check<Whole> { [complaint] in complaint($0[keyPath: field]) }
    }
}
