// Scans objects and arrays of any content, up to the depth limit, with a loop instead of recursion.

/// One bit per level: 1 for an object, 0 for an array. Fixed storage for `JSONScanner.depthLimit` levels.
private struct NestingBits {
    private var words: InlineArray<8, UInt64> = .init(repeating: 0)
    private(set) var depth = 0

    var isObject: Bool { words[(depth - 1) >> 6] >> UInt64((depth - 1) & 63) & 1 == 1 }

    mutating func push(object: Bool) {
        assert(depth < JSONScanner.depthLimit, "the caller checks the depth")
        let mask: UInt64 = 1 << UInt64(depth & 63)
        if object { words[depth >> 6] |= mask } else { words[depth >> 6] &= ~mask }
        depth += 1
    }

    mutating func pop() {
        assert(depth > 0, "a level is closed once")
        depth -= 1
    }
}

extension JSONScanner {
    /// Passes one value of any kind inside the document's object.
    mutating func value() throws(Fault) {
        var open = NestingBits()
        repeat {
            if try opensOntoValue(&open) { continue }
            try closeFinished(&open)
        } while open.depth > 0
    }

    /// At a value: passes a scalar or opens a container.
    /// - Returns: whether the container's first value is next.
    private mutating func opensOntoValue(_ open: inout NestingBits) throws(Fault) -> Bool {
        let byte = try peek()
        let isObject = byte == UInt8(ascii: "{")
        guard isObject || byte == UInt8(ascii: "[") else {
            try scalar()
            return false
        }
        // The document's own object is one more level.
        guard open.depth + 1 < Self.depthLimit else { throw fault(.depth) }
        position += 1
        open.push(object: isObject)
        if try peek() == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return false }
        if isObject { try key() }
        return true
    }

    /// After a value: passes closing brackets, and a comma (and a key) when another value follows.
    private mutating func closeFinished(_ open: inout NestingBits) throws(Fault) {
        while open.depth > 0 {
            let byte = try peek()
            if byte == UInt8(ascii: ",") {
                position += 1
                if open.isObject { try key() }
                return
            }
            guard byte == (open.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else { throw fault(.syntax) }
            position += 1
            open.pop()
        }
    }

    /// Passes a key and its colon.
    private mutating func key() throws(Fault) {
        guard try peek() == UInt8(ascii: "\"") else { throw fault(.syntax) }
        _ = try string()
        guard try peek() == UInt8(ascii: ":") else { throw fault(.syntax) }
        position += 1
    }
}
