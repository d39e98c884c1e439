// Parses the body of a POST to /api/query: the statement itself, or a JSON object with the statement and its
// parameters.

import Foundation

/// Parses request bodies.
enum QueryBody {
    /// The reason to refuse a body.
    struct Fault: Error, Equatable { let text: String }

    /// - Throws: `Fault`.
    static func parse(_ bytes: [UInt8], contentType: String?) throws(Fault) -> QueryRequest {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Fault(text: "the body is not UTF-8") }
        let type = contentType?.split(separator: ";").first.map { $0.lowercased() } ?? ""
        let request = type == "application/json" ? try json(text) : QueryRequest(sql: text)
        guard !request.sql.allSatisfy(\.isWhitespace) else {
            throw Fault(text: "there is no statement: send SQL, or {\"sql\": \"...\"} as application/json")
        }
        return request
    }

    private static func json(_ text: String) throws(Fault) -> QueryRequest {
        guard let object = (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any],
            let sql = object["sql"] as? String
        else { throw Fault(text: "the body is not a JSON object with a text named sql") }
        var request = QueryRequest(sql: sql)
        guard let values = object["params"] else { return request }
        guard let values = values as? [String: Any] else { throw Fault(text: "params is not an object") }
        for (name, value) in values { request.parameters[name] = try parameter(name, value) }
        return request
    }

    /// Quotes a text as `--param` takes it, so that a text that reads as a number stays a text.
    private static func parameter(_ name: String, _ value: Any) throws(Fault) -> String {
        if name.isEmpty || name.contains("=") || name.contains("\0") {
            throw Fault(text: "a parameter's name is empty, or has = or NUL in it")
        }
        switch value {
        case let text as String:
            if text.contains("\0") { throw Fault(text: "parameter \(name) contains a NUL character") }
            return "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
        case let number as NSNumber: return number.stringValue
        default: throw Fault(text: "parameter \(name) is neither a text nor a number")
        }
    }
}
