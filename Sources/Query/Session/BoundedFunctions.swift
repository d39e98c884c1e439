// Replaces functions of SQLite that can run for minutes in one call, which no deadline can end. A search for a long
// text in another costs the product of their lengths, and printf() pads one character at a time. The replacements
// reject such arguments, and otherwise return SQLite's own result from a private connection. Only a session whose
// statements name such a function pays for that; the views' own calls are harmless.

import SQLite

/// The error of a call that would take too long.
private struct TooExpensive: Error, CustomStringConvertible {
    let function: String
    var description: String { "\(function)() would take too long on values of this size" }
}

/// Replacements of functions that can run for minutes in one call.
enum BoundedFunctions {
    /// The maximum number of byte comparisons of one call.
    private static let workLimit = 1_000_000_000
    /// The largest width or precision of printf().
    private static let widthLimit = 100_000

    /// Name, numbers of arguments, and the two arguments whose lengths multiply.
    private static let searching: [(name: String, counts: ClosedRange<Int32>, pair: (Int, Int))] = [
        ("instr", 2...2, (0, 1)), ("replace", 3...3, (0, 1)), ("trim", 2...2, (0, 1)), ("ltrim", 2...2, (0, 1)),
        ("rtrim", 2...2, (0, 1)), ("json_patch", 2...2, (0, 1)),
    ]

    /// Whether a statement's text contains the name of one of them.
    static func areNamed(in text: String) -> Bool {
        let lower = text.lowercased()
        return (searching.map(\.name) + padding).contains { lower.contains($0) }
    }

    private static let padding = ["printf", "format"]

    /// Defines them on a connection.
    static func define(on connection: Connection) throws {
        let plain = try Connection(path: "", mode: .memory)
        for function in searching {
            for count in function.counts {
                try define(function.name, count, on: connection, plain) { arguments in
                    let (first, second) = (size(arguments[function.pair.0]), size(arguments[function.pair.1]))
                    return first.multipliedReportingOverflow(by: second).partialValue <= workLimit
                }
            }
        }
        for name in padding {
            try define(name, -1, on: connection, plain) { isModest(printf: $0) }
        }
    }

    private static func define(
        _ name: String, _ count: Int32, on connection: Connection, _ plain: Connection,
        isModest: @escaping ([Value]) -> Bool
    ) throws {
        var statements: [Int: Statement] = [:]
        try connection.define(function: name, argumentCount: count, isDeterministic: true, isJSON: name == "json_patch")
        { arguments in
            guard isModest(arguments) else { throw TooExpensive(function: name) }
            let marks = Array(repeating: "?", count: arguments.count).joined(separator: ",")
            let statement = try statements[arguments.count] ?? plain.prepare("SELECT \(name)(\(marks))")
            statements[arguments.count] = statement
            defer { statement.reset() }
            for (index, argument) in arguments.enumerated() { try statement.bind(argument, at: index + 1) }
            return try statement.step() ? statement.value(0) : .null
        }
    }

    private static func size(_ value: Value) -> Int {
        switch value {
        case .text(let text): text.utf8.count
        case .blob(let bytes): bytes.count
        default: 32
        }
    }

    /// Whether neither the format's digits, nor the arguments when it has a `*`, request a width above the limit.
    private static func isModest(printf arguments: [Value]) -> Bool {
        guard case .text(let format)? = arguments.first else { return true }
        let numbers = format.split { !($0.isASCII && $0.isNumber) }
        if numbers.contains(where: { $0.count > 9 || (Int($0) ?? 0) > widthLimit }) { return false }
        guard format.contains("*") else { return true }
        return arguments.dropFirst().allSatisfy { value in
            switch value {
            case .integer(let number): number.magnitude <= widthLimit
            case .real(let number): number.magnitude <= Double(widthLimit)
            // SQLite converts a text to a number where the format takes a width.
            case .text(let text): (Double(text.trimmed.prefix { !$0.isLetter }) ?? 0).magnitude <= Double(widthLimit)
            default: true
            }
        }
    }
}
