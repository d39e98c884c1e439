// Schema resolution (https://avro.apache.org/docs/1.11.1/specification/#schema-resolution), planned once per file.
// Fields match by `field-id` where both schemas have one, else by name. Fields that the reader lacks are skipped.
// Fields that the writer lacks take the reader's default, or null where the reader allows it.
// A plan is a finite tree, because schemas are.

/// The steps to decode one value.
indirect enum Plan {
    case primitive(AvroSchema.Primitive, as: AvroSchema.Primitive)
    case fixed(Int)
    case enumeration([String])
    case record(steps: [Step], missing: [Missing], width: Int)
    case array(Plan, minimumBytes: Int)
    case map(Plan, minimumBytes: Int)
    case union([Plan])
    /// A union branch that does not resolve; decoding throws the reason when a value uses it.
    case refused(String)

    struct Step {
        let plan: Plan
        /// The index of the reader's field; nil: decode and drop the value.
        let index: Int?
    }

    struct Missing {
        let index: Int
        let value: AvroValue
    }
}

extension Plan {
    /// The plan that reads `writer`'s bytes as `reader`. Throws `AvroError`, naming the field, when they do not
    /// resolve.
    init(writer: AvroSchema, reader: AvroSchema, path: String = "") throws(AvroError) {
        switch (writer, reader) {
        case (.union(let branches), _):
            var plans: [Plan] = []
            for branch in branches { plans.append(Self.branch(writer: branch, reader: reader, path: path)) }
            self = .union(plans)
        case (_, .union(let branches)):
            self = try Self.plan(writer: writer, oneOf: branches, path: path)
        case (.primitive(let from, _), .primitive(let to, _)) where Self.promotes(from, to):
            self = .primitive(from, as: to)
        case (.fixed(_, let size, _), .fixed(_, let wanted, _)) where size == wanted: self = .fixed(size)
        case (.fixed(_, let size, _), .primitive(.bytes, _)): self = .fixed(size)
        case (.enumeration(_, let symbols, _), .enumeration), (.enumeration(_, let symbols, _), .primitive(.string, _)):
            self = .enumeration(symbols)
        case (.record(let from), .record(let to)): self = try Self.plan(writer: from, reader: to, path: path)
        case (.array(let from, _), .array(let to, _)):
            self = .array(try Plan(writer: from, reader: to, path: path), minimumBytes: from.minimumBytes)
        case (.map(let from, _), .map(let to, _)):
            self = .map(try Plan(writer: from, reader: to, path: path), minimumBytes: from.minimumBytes + 1)
        case (.map(let from, _), .array(.record(let entry), _)) where entry.fields.count == 2:
            // Maps with string keys have two written forms; both become a list of key-value records.
            let value = try Plan(writer: from, reader: entry.fields[1].schema, path: path)
            self = .map(value, minimumBytes: from.minimumBytes + 1)
        default:
            throw AvroError("\(path.isEmpty ? "the value" : path) is written as \(writer.label), not \(reader.label)")
        }
    }

    private static func branch(writer: AvroSchema, reader: AvroSchema, path: String) -> Plan {
        do { return try Plan(writer: writer, reader: reader, path: path) } catch { return .refused(error.reason) }
    }

    private static func plan(writer: AvroSchema, oneOf branches: [AvroSchema], path: String) throws(AvroError) -> Plan {
        if let same = branches.first(where: { $0.label == writer.label }),
            let plan = try? Plan(writer: writer, reader: same, path: path)
        {
            return plan
        }
        for branch in branches {
            if let plan = try? Plan(writer: writer, reader: branch, path: path) { return plan }
        }
        let subject = path.isEmpty ? "the value" : path
        throw AvroError("\(subject) is written as \(writer.label), which matches no branch of the union")
    }

    private static func promotes(_ from: AvroSchema.Primitive, _ to: AvroSchema.Primitive) -> Bool {
        switch (from, to) {
        case (.int, .long), (.int, .float), (.int, .double), (.long, .float), (.long, .double), (.float, .double),
            (.string, .bytes), (.bytes, .string):
            true
        default: from == to
        }
    }

    private static func plan(
        writer: AvroSchema.Record, reader: AvroSchema.Record, path: String
    ) throws(AvroError) -> Plan {
        var steps: [Step] = []
        var found: Set<Int> = []
        for field in writer.fields {
            let index = reader.fields.firstIndex { $0.matches(field) }
            if let index, found.insert(index).inserted {
                let name = path.isEmpty ? field.name : "\(path).\(field.name)"
                let plan = try Plan(writer: field.schema, reader: reader.fields[index].schema, path: name)
                steps.append(Step(plan: plan, index: index))
            } else {
                steps.append(Step(plan: try Plan(writer: field.schema, reader: field.schema), index: nil))
            }
        }
        var missing: [Missing] = []
        for (index, field) in reader.fields.enumerated() where !found.contains(index) {
            missing.append(Missing(index: index, value: try field.absentValue(in: reader.name)))
        }
        assert(
            steps.count { $0.index != nil } + missing.count == reader.fields.count, "each field has exactly one source")
        return .record(steps: steps, missing: missing, width: reader.fields.count)
    }
}

extension AvroSchema.Field {
    fileprivate func matches(_ writer: AvroSchema.Field) -> Bool {
        if let id, let theirs = writer.id { id == theirs } else { name == writer.name }
    }

    fileprivate func absentValue(in record: String) throws(AvroError) -> AvroValue {
        if let defaultValue, let value = schema.value(ofDefault: defaultValue) { return value }
        if case .union(let branches) = schema, branches.contains(.null) { return .null }
        let which = id.map { " (field id \($0))" } ?? ""
        throw AvroError("the record \(record) is written without the required field \(name)\(which)")
    }
}

extension AvroSchema {
    /// A default in JSON as a value; nil when it does not fit the schema or the schema's type takes no default here.
    fileprivate func value(ofDefault json: JSON) -> AvroValue? {
        switch (self, json) {
        case (.union(let branches), _): branches.lazy.compactMap { $0.value(ofDefault: json) }.first
        case (.primitive(.null, _), .null): .null
        case (.primitive(.boolean, _), .bool(let value)): .boolean(value)
        case (.primitive(.int, _), .integer(let value)), (.primitive(.long, _), .integer(let value)): .integer(value)
        case (.primitive(.float, _), _): json.double.map { .float(Float($0)) }
        case (.primitive(.double, _), _): json.double.map { .double($0) }
        case (.primitive(.string, _), .string(let text)): .string(text)
        case (.array, .array([])), (.map, .object([:])): .array([])
        default: nil
        }
    }

    /// Smallest encoding of a value in bytes, capped at 2^40 for a record; bounds a count by the bytes left.
    var minimumBytes: Int {
        switch self {
        case .primitive(.null, _): 0
        case .primitive(.float, _): 4
        case .primitive(.double, _): 8
        case .primitive, .enumeration, .array, .map: 1
        case .fixed(_, let size, _): size
        case .record(let record): record.fields.reduce(0) { min($0 + $1.schema.minimumBytes, 1 << 40) }
        case .union(let branches): 1 + (branches.map(\.minimumBytes).min() ?? 0)
        }
    }
}
