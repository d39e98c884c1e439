// Finds comparisons of times with numbers and blobs in a compiled statement. SQLite sorts every number before every
// text, and every blob after, without calling a collation: `timestamp >= CAST(strftime('%s', 'now') AS INTEGER)` is
// true for all rows. The operands are known only after SQLite has resolved names and types, so this reads the program
// that EXPLAIN lists (https://www.sqlite.org/opcode.html). Unknown operations never count as such a comparison.

import SQLite

/// Finds numbers and blobs that are compared with a time.
enum TimeNumbers {
    private static let comparisons: Set<String> = ["Eq", "Ne", "Lt", "Le", "Gt", "Ge"]
    /// Operations that leave a number in the register of their second operand.
    private static let numbers: Set<String> = ["Integer", "Int64", "Real"]
    /// Operations that leave a number in the register of their third operand.
    private static let arithmetic: Set<String> = ["Add", "Subtract", "Multiply", "Divide", "Remainder"]
    /// The operand, from 1, that is an operation's output register.
    private static let written: [String: Int] = [
        "Integer": 2, "Int64": 2, "Real": 2, "Blob": 2, "Cast": 1, "Variable": 2, "String8": 2, "String": 2, "Copy": 2,
        "SCopy": 2,
        "IntCopy": 2, "Null": 2, "Rowid": 2, "Column": 3, "Function": 3, "PureFunc": 3, "Concat": 3, "Add": 3,
        "Subtract": 3, "Multiply": 3, "Divide": 3, "Remainder": 3, "AggFinal": 1, "AggValue": 3,
    ]
    /// The affinity of a comparison: its bits in the fifth operand, and the values for texts and for numbers.
    private static let affinityMask: Int64 = 0x47
    private static let textAffinity: Int64 = 0x42
    /// The second operand of casts to blobs and to texts.
    private static let (castToBlob, castToText): (Int64, Int64) = (0x41, 0x42)
    private static let numericAffinities: ClosedRange<Int64> = 0x43...0x46

    private struct Operation {
        let code: String
        let operands: [Int64]
        let detail: String
        let flags: Int64

        /// The output register, if known.
        var target: Int64? { TimeNumbers.written[code].map { operands[$0 - 1] } }
        /// The operation compares a time column, or a value taken from one.
        var comparesTime: Bool {
            TimeNumbers.comparisons.contains(code) && detail.hasPrefix("\(TimeCollation.instant.rawValue)-")
        }
    }

    /// Whether the statement compares a time with a number or a blob.
    /// - Parameter isNumber: whether the parameter of this index is bound to a number.
    /// - Throws: `SQLiteError`.
    static func areCompared(
        by sql: String, on connection: Connection, isNumber: (Int) -> Bool
    ) throws -> Bool {
        let listing = try connection.prepare("EXPLAIN \(sql)")
        var program: [Operation] = []
        while try listing.step() {
            program.append(
                Operation(
                    code: listing.string(1), operands: (2...4).map(listing.int64), detail: listing.string(5),
                    flags: listing.int64(6)))
        }
        return program.indices.contains { index in
            guard program[index].comparesTime else { return false }
            let affinity = program[index].flags & affinityMask
            if numericAffinities.contains(affinity) { return true }
            return [program[index].operands[0], program[index].operands[2]].contains { register in
                guard let writer = writer(of: register, before: index, in: program) else { return false }
                // With text affinity SQLite converts a number, but not a blob, to a text for the collation.
                return leavesBlob(writer) || affinity != textAffinity && leavesNumber(writer, isNumber)
            }
        }
    }

    /// The nearest earlier operation that writes a register, else the last later one: constants are set in a part of
    /// the program that is listed last and runs first.
    private static func writer(of register: Int64, before index: Int, in program: [Operation]) -> Operation? {
        program[..<index].last { $0.target == register } ?? program[index...].last { $0.target == register }
    }

    private static func leavesBlob(_ operation: Operation) -> Bool {
        operation.code == "Blob" || operation.code == "Cast" && operation.operands[1] == castToBlob
    }

    private static func leavesNumber(_ operation: Operation, _ isNumber: (Int) -> Bool) -> Bool {
        switch operation.code {
        case "Variable": isNumber(Int(clamping: operation.operands[0]))
        case "Function", "PureFunc":
            ["unixepoch(", "julianday("].contains { operation.detail.hasPrefix($0) }
        case "Cast": operation.operands[1] != castToText
        default: numbers.contains(operation.code) || arithmetic.contains(operation.code)
        }
    }
}
