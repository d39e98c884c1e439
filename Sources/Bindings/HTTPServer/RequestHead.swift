// Reads the head of a request and checks it: libmicrohttpd accepts more than RFC 9112 allows (docs/adr/0017).

import CMicrohttpd

/// A head that is refused.
struct BadHead: Error {
    let text: String
    init(_ text: String) { self.text = text }
}

enum RequestHead {
    /// - Returns: the request without its body, and the declared length of the body in bytes; nil for a chunked body.
    /// - Throws: `BadHead`, which names the malformed part.
    static func read(
        _ connection: OpaquePointer, method: String, target: String, version: String
    ) throws(BadHead) -> (request: HTTPRequest, length: Int?) {
        let headers = fields(of: connection)
        for (name, value) in headers {
            guard isToken(name) else { throw BadHead("a header name is malformed") }
            guard value.utf8.allSatisfy({ ($0 >= 0x20 || $0 == 9) && $0 != 0x7F }) else {
                throw BadHead("a header value is malformed")
            }
        }
        guard isToken(method) else { throw BadHead("the method is malformed") }
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else { throw BadHead("the version is unknown") }
        let hosts = headers.values("Host").count
        guard hosts == 1 || (hosts == 0 && version == "HTTP/1.0") else {
            throw BadHead("there must be exactly one Host header")
        }
        guard let (authority, path, query) = split(target) else { throw BadHead("the target is malformed") }
        let host = headers.values("Host").first.map { trimmed($0).lowercased() }
        guard authority == nil || authority == host else {
            throw BadHead("the target and the Host header name different hosts")
        }
        let request = HTTPRequest(
            method: method, path: path, query: query, headers: headers.map { ($0.name, trimmed($0.value)) })
        let (lengths, codings) = (headers.values("Content-Length"), headers.values("Transfer-Encoding"))
        // Two different lengths of a body allow request smuggling.
        guard lengths.count + codings.count <= 1 else { throw BadHead("the body's length is given twice") }
        if let coding = codings.first {
            // libmicrohttpd waits forever for the end of a body in an unknown coding.
            guard coding.lowercased() == "chunked", version == "HTTP/1.1" else {
                throw BadHead("Transfer-Encoding can only be chunked")
            }
            return (request, nil)
        }
        // libmicrohttpd rejects non-digits, but accepts numbers that overflow.
        guard let length = Int(lengths.first ?? "0"), length >= 0 else { throw BadHead("Content-Length is malformed") }
        return (request, length)
    }

    private static func fields(of connection: OpaquePointer) -> HTTPFields {
        var fields: HTTPFields = []
        withUnsafeMutablePointer(to: &fields) { pointer in
            _ = MHD_get_connection_values_n(
                connection, .HEADER_KIND,
                { context, _, name, nameCount, value, valueCount in
                    // The counts are from strlen: libmicrohttpd drops the rest of a line after a NUL.
                    let name = UnsafeRawBufferPointer(start: name, count: nameCount)
                    let value = UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : valueCount)
                    context?.assumingMemoryBound(to: HTTPFields.self).pointee.append(
                        (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
                    return .YES
                }, pointer)
        }
        return fields
    }

    /// Without surrounding white space, which is not part of a value; libmicrohttpd keeps it at the end.
    private static func trimmed(_ value: String) -> String {
        func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }
        guard let last = value.lastIndex(where: { !isSpace($0) }) else { return "" }
        return String(value[...last].drop(while: isSpace))
    }

    /// https://www.rfc-editor.org/rfc/rfc9110#name-tokens
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                switch $0 {
                case 48...57, 65...90, 97...122: true
                default: "!#$%&'*+-.^_`|~".utf8.contains($0)
                }
            }
    }

    /// Path and query of a target in origin form, or in absolute form with its host; servers must accept both forms.
    private static func split(_ target: String) -> (authority: String?, path: String, query: String?)? {
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }) else { return nil }
        var rest = target[...]
        var authority: String?
        if let scheme = ["http://", "https://"].first(where: { target.lowercased().hasPrefix($0) }) {
            rest = rest.dropFirst(scheme.count)
            authority = rest.prefix { $0 != "/" && $0 != "?" }.lowercased()
            rest = rest.drop { $0 != "/" && $0 != "?" }
            if rest.first != "/" { rest = "/" + rest }
        }
        guard rest.first == "/" else { return nil }
        guard let mark = rest.firstIndex(of: "?") else { return (authority, String(rest), nil) }
        return (authority, String(rest[..<mark]), String(rest[rest.index(after: mark)...]))
    }
}
