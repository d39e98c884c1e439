// Collations written in Swift.

import CSQLite

private final class CollationBox {
    let compare: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int
    init(_ compare: @escaping (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int) { self.compare = compare }
}

extension Connection {
    /// Defines a collation, the order in which `COLLATE name` compares two texts. SQLite compares values of other
    /// storage classes without it.
    /// - Parameter compare: returns a negative number, zero or a positive number as the first UTF-8 text sorts before,
    ///   equal to or after the second. The bytes are valid only during the call. It must be a total order on the values
    ///   that are sorted or indexed.
    /// - Throws: `SQLiteError`, for example while a statement is running.
    package func define(
        collation name: String, _ compare: @escaping (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int
    ) throws {
        let context = Unmanaged.passRetained(CollationBox(compare)).toOpaque()
        let result = sqlite3_create_collation_v2(
            handle, name, SQLITE_UTF8, context,
            { context, firstCount, first, secondCount, second in
                guard let context else { return 0 }
                let order = Unmanaged<CollationBox>.fromOpaque(context).takeUnretainedValue().compare(
                    UnsafeRawBufferPointer(start: first, count: first == nil ? 0 : Int(firstCount)),
                    UnsafeRawBufferPointer(start: second, count: second == nil ? 0 : Int(secondCount)))
                return Int32(order.signum())
            }, { context in context.map { Unmanaged<CollationBox>.fromOpaque($0).release() } })
        // On an error SQLite does not release a collation's context, unlike a function's.
        if result != SQLITE_OK { Unmanaged<CollationBox>.fromOpaque(context).release() }
        try check(result)
    }
}
