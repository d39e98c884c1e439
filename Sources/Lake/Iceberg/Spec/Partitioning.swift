// Partition specs, transforms and sort orders (https://iceberg.apache.org/spec/#partitioning). A transform that is not
// computed here is kept by name in `other`, and its partition values are read and written unchanged.
package import Avro
import Base

/// A transform from a column's value to a partition or sort value
/// (https://iceberg.apache.org/spec/#partition-transforms).
package enum Transform: Sendable, Equatable {
    /// The unchanged value.
    case identity
    /// Years since 1970 of a date or timestamp, rounded down.
    case year
    /// Months since 1970-01 of a date or timestamp, rounded down.
    case month
    /// Days since 1970-01-01 of a date or timestamp, rounded down.
    case day
    /// Hours since 1970-01-01 00:00 of a timestamp, rounded down.
    case hour
    /// Always null.
    case void
    /// Any other transform, such as `bucket[16]` and `truncate[4]`: kept, not computed.
    case other(String)

    /// The transform with a name; an unknown name is `other`.
    package init(name: String) {
        switch name {
        case "identity": self = .identity
        case "year": self = .year
        case "month": self = .month
        case "day": self = .day
        case "hour": self = .hour
        case "void": self = .void
        default: self = .other(name)
        }
    }

    /// The name.
    package var name: String {
        switch self {
        case .identity: "identity"
        case .year: "year"
        case .month: "month"
        case .day: "day"
        case .hour: "hour"
        case .void: "void"
        case .other(let name): name
        }
    }

    /// The type of the result for a column of type `source`.
    package func resultType(source: FieldType) -> FieldType {
        switch self {
        case .identity, .void: source
        case .day: .date
        case .year, .month, .hour: .int
        case .other(let name) where name.hasPrefix("truncate"): source
        case .other: .int
        }
    }

    /// The result for a value of a column of type `source`; nil for null and for transforms that are not computed.
    package func apply(_ value: Literal?, source: FieldType) -> Literal? {
        switch (self, value) {
        case (.identity, _): value
        case (.hour, .long(let time)):
            source.unitsPerDay.map { .int(Int32(clamping: Self.floor(time, $0 / 24))) }
        case (.year, .int(let days)), (.month, .int(let days)), (.day, .int(let days)):
            source == .date ? calendar(Int64(days)) : nil
        case (.year, .long(let time)), (.month, .long(let time)), (.day, .long(let time)):
            source.unitsPerDay.flatMap { calendar(Self.floor(time, $0)) }
        default: nil
        }
    }

    /// The result of a calendar transform for a day counted from 1970-01-01; nil for other transforms.
    private func calendar(_ days: Int64) -> Literal? {
        guard let day = Int32(exactly: days) else { return .int(Int32(clamping: days)) }
        let date = CivilDate(epochDay: days)
        switch self {
        case .year: return .int(Int32(clamping: date.year - 1970))
        case .month: return .int(Int32(clamping: (date.year - 1970) * 12 + date.month - 1))
        case .day: return .int(day)
        default: return nil
        }
    }

    /// Whether the transform is monotonic: if two values have the same result, so has every value between them.
    package var isMonotonic: Bool {
        switch self {
        case .identity, .year, .month, .day, .hour: true
        case .void, .other: false
        }
    }

    private static func floor(_ number: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension FieldType {
    /// Number of a timestamp type's units in a day; nil for other types.
    fileprivate var unitsPerDay: Int64? {
        switch self {
        case .timestamp, .timestamptz: 86_400_000_000
        case .timestampNanoseconds, .timestamptzNanoseconds: 86_400_000_000_000
        default: nil
        }
    }
}

/// One field of a partition spec.
package struct PartitionField: Sendable, Equatable {
    /// The field id of the source column.
    package var sourceID: Int
    /// The partition field's id, 1000 or above.
    package var fieldID: Int
    /// The partition field's name.
    package var name: String
    /// The transform from the column.
    package var transform: Transform
    /// Unknown members (`source-ids` of v3), kept unchanged.
    package var unknown: [String: JSON] = [:]

    /// A field.
    package init(sourceID: Int, fieldID: Int, name: String, transform: Transform) {
        self.sourceID = sourceID
        self.fieldID = fieldID
        self.name = name
        self.transform = transform
    }

    init(json: JSON, path: String) throws(IcebergError) {
        var reader = try FieldReader(json, path)
        sourceID = try reader.int("source-id")
        fieldID = try reader.int("field-id")
        name = try reader.string("name")
        transform = Transform(name: try reader.string("transform"))
        unknown = reader.rest
    }

    var json: JSON {
        .object(
            [
                "source-id": .int(sourceID), "field-id": .int(fieldID), "name": .string(name),
                "transform": .string(transform.name),
            ], keeping: unknown)
    }
}

/// A partition spec.
package struct PartitionSpec: Sendable, Equatable {
    /// The smallest partition field id (https://iceberg.apache.org/spec/#partition-evolution).
    package static let firstFieldID = 1000

    /// The spec's id within the table.
    package var id: Int
    /// The fields in order; empty for an unpartitioned table.
    package var fields: [PartitionField]

    /// A spec of these fields.
    package init(id: Int = 0, fields: [PartitionField] = []) {
        self.id = id
        self.fields = fields
    }

    init(json: JSON, path: String) throws(IcebergError) {
        var reader = try FieldReader(json, path)
        id = try reader.optionalInt("spec-id") ?? 0
        fields = try reader.list("fields") { json, path throws(IcebergError) in
            try PartitionField(json: json, path: path)
        }
    }

    var json: JSON { .object(["spec-id": .int(id), "fields": fieldsJSON]) }

    /// The only partition of rows whose column `fieldID` is in `lower` ... `upper`, both inclusive; nil when there may
    /// be several, or the spec depends on another column or on a transform that is not computed.
    package func partition(from lower: Literal, through upper: Literal, of fieldID: Int, type: FieldType) -> [Literal?]?
    {
        var values: [Literal?] = []
        for field in fields {
            if field.transform == .void {
                values.append(nil)
                continue
            }
            guard field.sourceID == fieldID, field.transform.isMonotonic,
                let value = field.transform.apply(lower, source: type),
                value == field.transform.apply(upper, source: type)
            else { return nil }
            values.append(value)
        }
        return values
    }

    /// The spec in messages: `(day(timestamp), bucket[16](postcode))`. Columns unknown to `schema` appear by their id.
    package func text(in schema: TableSchema?) -> String {
        let parts = fields.map { field in
            "\(field.transform.name)(\(schema?.field(id: field.sourceID)?.name ?? "column \(field.sourceID)"))"
        }
        return "(\(parts.joined(separator: ", ")))"
    }

    /// The fields in the form of a manifest's header.
    var fieldsJSON: JSON { .array(fields.map(\.json)) }

    /// The type of each partition value. Looks the source columns up in `schemas`, in that order. Throws `invalid` for
    /// a column in none of them, because its values could not be written.
    func types(in schemas: [TableSchema]) throws(IcebergError) -> [FieldType] {
        var result: [FieldType] = []
        for field in fields {
            guard let source = schemas.lazy.compactMap({ $0.field(id: field.sourceID) }).first else {
                throw IcebergError(
                    .invalid, "the partition field \(field.name) is of column \(field.sourceID), which no schema has")
            }
            result.append(field.transform.resultType(source: source.type))
        }
        return result
    }
}

/// An order of rows within files. Only its id is used here; the fields are kept unchanged.
package struct SortOrder: Sendable, Equatable {
    /// The order of a table without one.
    package static let unsorted = SortOrder(id: 0, fields: [])

    /// The order's id within the table; 0 is reserved for no order.
    package var id: Int
    /// The fields in order.
    package var fields: [SortField]

    /// An order of these fields.
    package init(id: Int, fields: [SortField]) {
        self.id = id
        self.fields = fields
    }

    init(json: JSON, path: String) throws(IcebergError) {
        var reader = try FieldReader(json, path)
        id = try reader.int("order-id")
        fields = try reader.list("fields") { json, path throws(IcebergError) in try SortField(json: json, path: path) }
    }

    var json: JSON { .object(["order-id": .int(id), "fields": .array(fields.map(\.json))]) }
}

/// One field of a sort order.
package struct SortField: Sendable, Equatable {
    /// The field id of the source column.
    package var sourceID: Int
    /// The transform to the compared value.
    package var transform: Transform
    /// Whether the order is ascending.
    package var ascending: Bool
    /// Whether nulls sort first.
    package var nullsFirst: Bool
    /// Unknown members, kept unchanged.
    package var unknown: [String: JSON] = [:]

    /// A field.
    package init(sourceID: Int, transform: Transform = .identity, ascending: Bool = true, nullsFirst: Bool = true) {
        self.sourceID = sourceID
        self.transform = transform
        self.ascending = ascending
        self.nullsFirst = nullsFirst
    }

    init(json: JSON, path: String) throws(IcebergError) {
        var reader = try FieldReader(json, path)
        sourceID = try reader.int("source-id")
        transform = Transform(name: try reader.string("transform"))
        ascending = try reader.string("direction") == "asc"
        nullsFirst = try reader.string("null-order") == "nulls-first"
        unknown = reader.rest
    }

    var json: JSON {
        .object(
            [
                "source-id": .int(sourceID), "transform": .string(transform.name),
                "direction": .string(ascending ? "asc" : "desc"),
                "null-order": .string(nullsFirst ? "nulls-first" : "nulls-last"),
            ], keeping: unknown)
    }
}
