// Reads and writes the JSON form of Avro schemas (Avro 1.11.1, Schema Declaration).
// Writing spells out a named type once and refers to it by name afterwards. Parsing bounds the nesting and the number
// of types after expansion of names, and throws beyond: a hostile schema cannot expand without bound.

extension AvroSchema {
    /// Reads a schema from its JSON form. Throws `AvroError` on an unknown type or name, a recursive type, more than 64
    /// levels or more than 20,000 types.
    package init(json: JSON) throws {
        var parser = SchemaParser()
        self = try parser.schema(json, namespace: "", depth: 0)
    }

    /// The JSON form.
    package var json: JSON {
        var written: Set<String> = []
        return json(&written)
    }

    private func json(_ written: inout Set<String>) -> JSON {
        if let name, !written.insert(name).inserted { return .string(name) }
        switch self {
        case .primitive(let primitive, let attributes):
            return attributes.isEmpty ? .string(primitive.rawValue) : Self.typed(primitive.rawValue, attributes)
        case .fixed(let name, let size, let attributes):
            return Self.typed("fixed", attributes, ["name": .string(name), "size": .integer(Int64(size))])
        case .enumeration(let name, let symbols, let attributes):
            return Self.typed(
                "enum", attributes, ["name": .string(name), "symbols": .array(symbols.map { .string($0) })])
        case .record(let record):
            let fields = record.fields.map { $0.json(type: $0.schema.json(&written)) }
            return Self.typed("record", record.attributes, ["name": .string(record.name), "fields": .array(fields)])
        case .array(let element, let attributes):
            return Self.typed("array", attributes, ["items": element.json(&written)])
        case .map(let value, let attributes):
            return Self.typed("map", attributes, ["values": value.json(&written)])
        case .union(let branches):
            return .array(branches.map { $0.json(&written) })
        }
    }

    private static func typed(_ type: String, _ attributes: [String: JSON], _ parts: [String: JSON] = [:]) -> JSON {
        .object(attributes.merging(parts) { $1 }.merging(["type": .string(type)]) { $1 })
    }
}

extension AvroSchema.Field {
    fileprivate func json(type: JSON) -> JSON {
        var members = attributes
        members["name"] = .string(name)
        members["type"] = type
        members["default"] = defaultValue
        return .object(members)
    }
}

/// Parses one schema and keeps its named types for later references.
private struct SchemaParser {
    private static let depthLimit = 64
    private static let typeLimit = 20_000

    private struct Named {
        let schema: AvroSchema
        let types: Int
    }

    private var named: [String: Named] = [:]
    private var open: Set<String> = []
    private var types = 0

    mutating func schema(_ json: JSON, namespace: String, depth: Int) throws -> AvroSchema {
        guard depth < Self.depthLimit else { throw AvroError("the schema nests deeper than \(Self.depthLimit)") }
        try count(1)
        switch json {
        case .string(let name): return try reference(name, namespace: namespace)
        case .array(let branches):
            return .union(try branches.map { try schema($0, namespace: namespace, depth: depth + 1) })
        case .object(let members): return try complex(members, namespace: namespace, depth: depth)
        default: throw AvroError("a schema must be a name, a list or an object")
        }
    }

    private mutating func count(_ more: Int) throws {
        types += more
        guard types <= Self.typeLimit else { throw AvroError("the schema has more than \(Self.typeLimit) types") }
    }

    private mutating func reference(_ name: String, namespace: String) throws -> AvroSchema {
        if let primitive = AvroSchema.Primitive(rawValue: name) { return .primitive(primitive) }
        for candidate in [Self.fullName(name, namespace), name] {
            guard !open.contains(candidate) else { throw AvroError("the type \(candidate) contains itself") }
            guard let known = named[candidate] else { continue }
            try count(known.types)
            return known.schema
        }
        throw AvroError("the schema names the unknown type '\(name.prefix(100))'")
    }

    private mutating func complex(
        _ members: [String: JSON], namespace: String, depth: Int
    ) throws -> AvroSchema {
        guard let type = members["type"] else { throw AvroError("a schema object has no type") }
        guard let kind = type.string else { return try schema(type, namespace: namespace, depth: depth + 1) }
        let attributes = members.filter { !["type", "name", "namespace", "items", "values"].contains($0.key) }
        switch kind {
        case "array":
            let element = try schema(try Self.member("items", members), namespace: namespace, depth: depth + 1)
            return .array(element, attributes: attributes)
        case "map":
            let value = try schema(try Self.member("values", members), namespace: namespace, depth: depth + 1)
            return .map(value, attributes: attributes)
        case "fixed", "enum", "record", "error":
            return try namedType(kind, members, attributes, namespace: namespace, depth: depth)
        default:
            if let primitive = AvroSchema.Primitive(rawValue: kind) {
                return .primitive(primitive, attributes: attributes)
            }
            return try reference(kind, namespace: namespace)
        }
    }

    private mutating func namedType(
        _ kind: String, _ members: [String: JSON], _ attributes: [String: JSON], namespace: String, depth: Int
    ) throws -> AvroSchema {
        guard let given = members["name"]?.string else { throw AvroError("a \(kind) has no name") }
        let name = Self.fullName(given, members["namespace"]?.string ?? namespace)
        guard named[name] == nil, open.insert(name).inserted else { throw AvroError("\(name) is defined twice") }
        let before = types
        let result: AvroSchema
        switch kind {
        case "fixed": result = try Self.fixed(name, members, attributes)
        case "enum": result = try Self.enumeration(name, members, attributes)
        default: result = try record(name, members, attributes, depth: depth)
        }
        open.remove(name)
        named[name] = Named(schema: result, types: types - before)
        return result
    }

    private mutating func record(
        _ name: String, _ members: [String: JSON], _ attributes: [String: JSON], depth: Int
    ) throws -> AvroSchema {
        guard let list = members["fields"]?.array else { throw AvroError("the record \(name) has no fields") }
        let namespace = name.split(separator: ".").dropLast().joined(separator: ".")
        let fields = try list.map { json in
            guard let object = json.object, let field = object["name"]?.string, let type = object["type"] else {
                throw AvroError("a field of the record \(name) has no name or type")
            }
            return AvroSchema.Field(
                field, try schema(type, namespace: namespace, depth: depth + 1), default: object["default"],
                attributes: object.filter { !["name", "type", "default"].contains($0.key) })
        }
        return .record(
            AvroSchema.Record(name: name, fields: fields, attributes: attributes.filter { $0.key != "fields" }))
    }

    private static func fixed(
        _ name: String, _ members: [String: JSON], _ attributes: [String: JSON]
    ) throws -> AvroSchema {
        guard let size = members["size"]?.integer, size >= 0, size <= Int32.max else {
            throw AvroError("the fixed \(name) has no size")
        }
        return .fixed(name: name, size: Int(size), attributes: attributes.filter { $0.key != "size" })
    }

    private static func enumeration(
        _ name: String, _ members: [String: JSON], _ attributes: [String: JSON]
    ) throws -> AvroSchema {
        guard let symbols = members["symbols"]?.array?.compactMap(\.string) else {
            throw AvroError("the enum \(name) has no symbols")
        }
        return .enumeration(name: name, symbols: symbols, attributes: attributes.filter { $0.key != "symbols" })
    }

    private static func fullName(_ name: String, _ namespace: String) -> String {
        name.contains(".") || namespace.isEmpty ? name : "\(namespace).\(name)"
    }

    private static func member(_ key: String, _ members: [String: JSON]) throws -> JSON {
        guard let value = members[key] else { throw AvroError("a schema object has no '\(key)'") }
        return value
    }
}
