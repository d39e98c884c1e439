// Decodes a value by its plan. Recursion is as deep as the plan, a finite tree. Memory stays proportional to the
// input: a count beyond the bytes left, or values beyond the cursor's allowance, throw an `AvroFault`.

extension Plan {
    func decode(_ cursor: inout Cursor) throws(AvroFault) -> AvroValue {
        switch self {
        case .primitive(let from, let to): return try Self.primitive(from, to, &cursor)
        case .fixed(let size): return .bytes([UInt8](try cursor.raw(size)))
        case .enumeration(let symbols):
            let index = try cursor.long()
            guard index >= 0, index < Int64(symbols.count) else { throw cursor.fault("no enum symbol \(index)") }
            return .string(symbols[Int(index)])
        case .record(let steps, let missing, let width):
            return try Self.record(steps, missing, width, &cursor)
        case .array(let element, let minimumBytes):
            return try Self.blocks(&cursor, minimumBytes) { cursor throws(AvroFault) in try element.decode(&cursor) }
        case .map(let value, let minimumBytes):
            return try Self.blocks(&cursor, minimumBytes) { cursor throws(AvroFault) in
                .record([.string(try cursor.string()), try value.decode(&cursor)])
            }
        case .union(let branches):
            let start = cursor.position
            let index = try cursor.long()
            guard index >= 0, index < Int64(branches.count) else {
                throw AvroFault(reason: "no branch \(index) of a union of \(branches.count)", position: start)
            }
            return try branches[Int(index)].decode(&cursor)
        case .refused(let reason): throw cursor.fault(reason)
        }
    }

    private static func record(
        _ steps: [Step], _ missing: [Missing], _ width: Int, _ cursor: inout Cursor
    ) throws(AvroFault) -> AvroValue {
        try cursor.charge(1 + width)
        var values = [AvroValue](repeating: .null, count: width)
        for absent in missing { values[absent.index] = absent.value }
        for step in steps {
            let value = try step.plan.decode(&cursor)
            if let index = step.index { values[index] = value }
        }
        return .record(values)
    }

    private static func primitive(
        _ from: AvroSchema.Primitive, _ to: AvroSchema.Primitive, _ cursor: inout Cursor
    ) throws(AvroFault) -> AvroValue {
        switch (from, to) {
        case (.null, _): return .null
        case (.boolean, _): return .boolean(try cursor.boolean())
        case (.int, .float): return .float(Float(try cursor.int()))
        case (.int, .double): return .double(Double(try cursor.int()))
        case (.int, _): return .integer(try cursor.int())
        case (.long, .float): return .float(Float(try cursor.long()))
        case (.long, .double): return .double(Double(try cursor.long()))
        case (.long, _): return .integer(try cursor.long())
        case (.float, .double): return .double(Double(try cursor.float()))
        case (.float, _): return .float(try cursor.float())
        case (.double, _): return .double(try cursor.double())
        case (_, .string): return .string(try cursor.string())
        case (_, _): return .bytes([UInt8](try cursor.counted()))
        }
    }

    /// Reads blocks until a count of zero: a count and that many elements. The block's size in bytes follows a negative
    /// count.
    private static func blocks(
        _ cursor: inout Cursor, _ minimumBytes: Int, _ element: (inout Cursor) throws(AvroFault) -> AvroValue
    ) throws(AvroFault) -> AvroValue {
        var values: [AvroValue] = []
        while true {
            let start = cursor.position
            var count = try cursor.long()
            if count == 0 { return .array(values) }
            if count < 0 {
                let (positive, overflow) = Int64(0).subtractingReportingOverflow(count)
                guard !overflow else { throw AvroFault(reason: "a count of \(count)", position: start) }
                count = positive
                _ = try cursor.long()
            }
            let limit = minimumBytes > 0 ? cursor.left / minimumBytes : Int(Int32.max)
            guard count <= Int64(limit) else {
                throw AvroFault(reason: "\(count) elements with \(cursor.left) bytes left", position: start)
            }
            try cursor.charge(Int(count))
            for _ in 0..<count { values.append(try element(&cursor)) }
        }
    }
}
