// SQL functions written in Swift.

import CSQLite

private final class FunctionBox {
    let body: ([Value]) throws -> Value
    let isJSON: Bool
    init(_ body: @escaping ([Value]) throws -> Value, isJSON: Bool) { (self.body, self.isJSON) = (body, isJSON) }
}

extension Connection {
    /// Defines a scalar function and replaces one of the same name and number of arguments.
    /// It is marked innocuous, so that views of an untrusted schema may call it. It must have no side effects.
    /// - Parameters:
    ///   - argumentCount: the number of arguments; -1 for any number.
    ///   - isDeterministic: equal arguments give equal results within a statement.
    ///   - isJSON: SQLite's JSON functions treat the returned text as JSON, not as a string.
    ///   - body: computes the result. The description of an error that it throws becomes the statement's error message.
    /// - Throws: `SQLiteError`, for example while a statement is running.
    package func define(
        function name: String, argumentCount: Int32, isDeterministic: Bool, isJSON: Bool = false,
        _ body: @escaping ([Value]) throws -> Value
    ) throws {
        let flags =
            SQLITE_UTF8 | SQLITE_INNOCUOUS | (isDeterministic ? SQLITE_DETERMINISTIC : 0)
            | (isJSON ? resultSubtype : 0)
        let context = Unmanaged.passRetained(FunctionBox(body, isJSON: isJSON)).toOpaque()
        try check(
            sqlite3_create_function_v2(
                handle, name, argumentCount, flags, context,
                { context, count, arguments in
                    guard let box = sqlite3_user_data(context) else { return }
                    let values = (0..<Int(count)).map { argument(arguments?[$0]) }
                    do {
                        let function = Unmanaged<FunctionBox>.fromOpaque(box).takeUnretainedValue()
                        answer(context, try function.body(values))
                        if function.isJSON { sqlite3_result_subtype(context, jsonSubtype) }
                    } catch {
                        sqlite3_result_error(context, "\(error)", -1)
                    }
                }, nil, nil, { box in box.map { Unmanaged<FunctionBox>.fromOpaque($0).release() } }))
    }
}

/// SQLITE_RESULT_SUBTYPE, since SQLite 3.45; older versions ignore it.
private let resultSubtype: Int32 = 0x0100_0000
/// The subtype of texts from SQLite's JSON functions.
private let jsonSubtype = UInt32(UInt8(ascii: "J"))

private func argument(_ value: OpaquePointer?) -> Value {
    switch sqlite3_value_type(value) {
    case SQLITE_INTEGER: return .integer(sqlite3_value_int64(value))
    case SQLITE_FLOAT: return .real(sqlite3_value_double(value))
    case SQLITE_TEXT:
        let start = sqlite3_value_text(value)
        let bytes = UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_value_bytes(value)))
        return .text(String(decoding: bytes, as: UTF8.self))
    case SQLITE_BLOB:
        let start = sqlite3_value_blob(value)
        let bytes = UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : Int(sqlite3_value_bytes(value)))
        return .blob(Array(bytes))
    default: return .null
    }
}

private func answer(_ context: OpaquePointer?, _ value: Value) {
    switch value {
    case .null: sqlite3_result_null(context)
    case .integer(let value): sqlite3_result_int64(context, value)
    case .real(let value): sqlite3_result_double(context, value)
    case .text(var value):
        value.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                pv_sqlite3_result_text_copy(context, $0.baseAddress, Int32(clamping: $0.count))
            }
        }
    case .blob(let value):
        value.withUnsafeBytes { pv_sqlite3_result_blob_copy(context, $0.baseAddress, Int32(clamping: $0.count)) }
    }
}
