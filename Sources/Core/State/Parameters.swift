// Binds the parameters of statements that run for every event or row, one by one. A parameter pack is not specialised
// for its types, and its overhead exceeds the cost of binding.

import Base
import SQLite

/// Binds the parameters of a statement in order.
struct Parameters {
    private let statement: Statement
    private var index: Int

    /// - Parameter before: the number of parameters to skip, which belong to other rows.
    @inline(__always)
    init(_ statement: Statement, after before: Int = 0) { (self.statement, index) = (statement, before) }

    @inline(__always)
    private mutating func next() -> Int {
        index &+= 1
        return index
    }

    @inline(__always)
    mutating func add(_ value: Int64) throws { try statement.bind(value, at: next()) }

    @inline(__always)
    mutating func add(_ value: Int64?) throws { try statement.bind(value, at: next()) }

    @inline(__always)
    mutating func add(_ value: PartitionID) throws { try statement.bind(Int64(value.rawValue), at: next()) }

    @inline(__always)
    mutating func add(_ value: KafkaOffset) throws { try statement.bind(value.rawValue, at: next()) }

    @inline(__always)
    mutating func add(_ value: Generation) throws { try statement.bind(value.rawValue, at: next()) }

    @inline(__always)
    mutating func add(_ value: WindowStart) throws { try statement.bind(value.seconds, at: next()) }

    @inline(__always)
    mutating func add(_ value: String) throws { try statement.bind(value, at: next()) }

    @inline(__always)
    mutating func add(_ value: String?) throws { try statement.bind(value, at: next()) }

    /// Binds a copy of UTF-8 text; NULL for nil.
    @inline(__always)
    mutating func add(text: UnsafeRawBufferPointer?) throws {
        if let text { try statement.bindText(text, at: next()) } else { try statement.bindNull(at: next()) }
    }

    /// Binds UTF-8 text without a copy. The bytes must stay valid until the statement is reset.
    @inline(__always)
    mutating func add(borrowedText text: UnsafeRawBufferPointer) throws {
        try statement.bindBorrowedText(text, at: next())
    }

    /// Binds a copy of a blob; NULL for nil.
    @inline(__always)
    mutating func add(blob: [UInt8]?) throws {
        guard let blob else { return try statement.bindNull(at: next()) }
        let place = next()
        try blob.withUnsafeBytes { try statement.bindBlob($0, at: place) }
    }

    /// Runs the statement with the bound values and resets it, also after an error.
    @inline(__always)
    func run() throws { try statement.run() }
}
