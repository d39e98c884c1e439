// Takes the members of a JSON object one by one, with their path for error messages. Keeps the others, so writers can
// preserve unknown members.
import Avro

/// The members of one JSON object.
struct FieldReader {
    let path: String
    /// The members not taken yet.
    private(set) var rest: [String: JSON]

    init(_ json: JSON, _ path: String) throws(IcebergError) {
        guard case .object(let members) = json else {
            throw IcebergError(.malformed, "must be an object", in: path)
        }
        self.path = path
        rest = members
    }

    func error(_ key: String, _ reason: String) -> IcebergError {
        IcebergError(.malformed, reason, in: "\(path).\(key)")
    }

    /// The member, or nil when it is missing or null.
    mutating func take(_ key: String) -> JSON? {
        guard let value = rest.removeValue(forKey: key), value != .null else { return nil }
        return value
    }

    mutating func optionalString(_ key: String) throws(IcebergError) -> String? {
        guard let value = take(key) else { return nil }
        guard let text = value.string else { throw error(key, "must be a string") }
        return text
    }

    mutating func string(_ key: String) throws(IcebergError) -> String {
        guard let text = try optionalString(key) else { throw error(key, "is missing") }
        return text
    }

    mutating func optionalLong(_ key: String) throws(IcebergError) -> Int64? {
        guard let value = take(key) else { return nil }
        guard let number = value.integer else { throw error(key, "must be an integer") }
        return number
    }

    mutating func long(_ key: String) throws(IcebergError) -> Int64 {
        guard let number = try optionalLong(key) else { throw error(key, "is missing") }
        return number
    }

    mutating func optionalInt(_ key: String) throws(IcebergError) -> Int? {
        guard let number = try optionalLong(key) else { return nil }
        guard let int = Int32(exactly: number) else { throw error(key, "\(number) does not fit 32 bits") }
        return Int(int)
    }

    mutating func int(_ key: String) throws(IcebergError) -> Int {
        guard let number = try optionalInt(key) else { throw error(key, "is missing") }
        return number
    }

    mutating func bool(_ key: String) throws(IcebergError) -> Bool {
        guard let value = take(key)?.bool else { throw error(key, "must be true or false") }
        return value
    }

    mutating func optionalArray(_ key: String) throws(IcebergError) -> [JSON]? {
        guard let value = take(key) else { return nil }
        guard let elements = value.array else { throw error(key, "must be a list") }
        return elements
    }

    /// The elements of a list, each read by `read` with its path; an empty list when the member is missing.
    mutating func list<Element>(
        _ key: String, _ read: (JSON, String) throws(IcebergError) -> Element
    ) throws(IcebergError) -> [Element] {
        var result: [Element] = []
        for (index, json) in (try optionalArray(key) ?? []).enumerated() {
            result.append(try read(json, "\(path).\(key)[\(index)]"))
        }
        return result
    }

    /// A list of 32-bit integers; empty when the member is missing.
    mutating func ints(_ key: String) throws(IcebergError) -> [Int] {
        try list(key) { json, path throws(IcebergError) in
            guard let number = json.integer.flatMap({ Int32(exactly: $0) }) else {
                throw IcebergError(.malformed, "must be an integer", in: path)
            }
            return Int(number)
        }
    }

    /// An object whose values are strings; empty when the member is missing.
    mutating func strings(_ key: String) throws(IcebergError) -> [String: String] {
        guard let value = take(key) else { return [:] }
        guard let members = value.object else { throw error(key, "must be an object") }
        var result: [String: String] = [:]
        for (name, member) in members {
            guard let text = member.string else { throw error("\(key).\(name)", "must be a string") }
            result[name] = text
        }
        return result
    }
}

extension JSON {
    static func int(_ number: Int) -> JSON { .integer(Int64(number)) }

    static func strings(_ values: [String: String]) -> JSON { .object(values.mapValues { .string($0) }) }

    /// An object of known members, without nil ones, and the unknown members kept from reading.
    static func object(_ members: [String: JSON?], keeping unknown: [String: JSON]) -> JSON {
        .object(unknown.merging(members.compactMapValues { $0 }) { $1 })
    }
}
