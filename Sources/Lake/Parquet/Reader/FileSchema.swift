// Finds the flat columns in a file's schema tree. Skips nested and repeated columns and unsupported types: a file may
// have them as long as no caller reads them.

struct FileSchema {
    var columns: [Column] = []
    /// The index of each column's chunk in every row group.
    var leaves: [Int] = []
    /// Number of leaves in the tree, and of chunks in every row group.
    var leafCount = 0
    /// Top-level columns that cannot be read, and their types.
    var passedOver: [(name: String, type: String)] = []

    init(_ elements: [SchemaElement], position: Int) throws {
        guard let root = elements.first else { throw ParquetError.corrupt(position: position, reason: "no schema") }
        var next = 1
        for _ in 0..<min(root.childCount, elements.count) {
            guard next < elements.count else { break }
            let element = elements[next]
            if element.physical != nil, element.childCount == 0 {
                note(element)
                leafCount += 1
                next += 1
            } else {
                passedOver.append((element.name, "a group"))
                try skipGroup(elements, &next, position)
            }
        }
        guard next == elements.count else {
            throw ParquetError.corrupt(
                position: position, reason: "the schema's tree does not fit its \(elements.count) elements")
        }
    }

    private mutating func note(_ element: SchemaElement) {
        let flat = element.repetition == Repetition.required || element.repetition == Repetition.optional
        guard flat, let type = element.columnType else {
            return passedOver.append((element.name, flat ? element.typeName : "repeated"))
        }
        var column = Column(
            element.name, type, isOptional: element.repetition == Repetition.optional, fieldID: element.fieldID)
        column.isInMilliseconds = element.annotation == .timestampMillis
        columns.append(column)
        leaves.append(leafCount)
    }

    /// Skips the group at `next` with everything below it, and counts its leaves.
    private mutating func skipGroup(_ elements: [SchemaElement], _ next: inout Int, _ position: Int) throws {
        var pending = 1
        while pending > 0 {
            guard next < elements.count, elements[next].childCount <= elements.count else {
                throw ParquetError.corrupt(
                    position: position, reason: "the schema's tree has more children than elements")
            }
            if elements[next].physical != nil { leafCount += 1 }
            pending += elements[next].childCount - 1
            next += 1
        }
    }
}
