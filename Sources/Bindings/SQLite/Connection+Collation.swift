// Orders of text written in Swift.

import CSQLite

private final class CollationBox {
    let compare: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int
    init(_ compare: @escaping (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int) { self.compare = compare }
}

extension Connection {
    /// Defines a collation, the order in which `COLLATE name` compares texts. It is used only between two texts; other
    /// values are compared by their storage class.
    /// - Parameter compare: negative, zero or positive as the first UTF-8 text comes before, with or after the second; the
    ///   bytes are valid only within the call. It must be a total order for the values that are sorted or indexed.
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
        // Unlike a function's, a collation's context stays the caller's when it could not be defined.
        if result != SQLITE_OK { Unmanaged<CollationBox>.fromOpaque(context).release() }
        try check(result)
    }
}
