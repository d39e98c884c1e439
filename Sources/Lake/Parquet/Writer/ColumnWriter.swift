// The base class of a writer's typed columns, through which the writer ends pages and row groups.

/// A column to append to. `ParquetWriter` returns the typed subclasses.
@usableFromInline package class ColumnWriter {
    let chunk: ChunkBuilder
    /// The null rows of the open page, counted from 0 within it, ascending.
    @usableFromInline @exclusivity(unchecked) var nulls: [UInt32] = []

    init(_ chunk: ChunkBuilder) { self.chunk = chunk }

    /// Number of rows appended to the current row group.
    var rowCount: Int { chunk.rowCount + pendingRows }
    /// Number of rows in the open page.
    var pendingRows: Int { 0 }
    /// Encodes the open page. `isLast` when it ends the row group.
    func encodePage(isLast: Bool) throws {}
    /// Stores the dictionary page, if any, and clears the dictionary.
    func endDictionary() throws {}

    /// Ends the open page; records a failure for the writer.
    @usableFromInline
    func cutPage() {
        do {
            try encodePage(isLast: false)
        } catch {
            fail(error)
        }
    }

    /// Ends the column chunk and writes it to `sink`.
    func finishChunk(at offset: Int, _ sink: (UnsafeRawBufferPointer) throws -> Void) throws -> WrittenChunk {
        if pendingRows > 0 { try encodePage(isLast: true) }
        try endDictionary()
        return try chunk.finish(at: offset, sink)
    }

    /// Records the first failure while appending, for the writer's next `endRow` or `finish`.
    func fail(_ error: any Error) { chunk.shared.failure = chunk.shared.failure ?? error }

    @usableFromInline
    func refuseNull() { fail(ParquetError.invalid("a null in the required column \(chunk.column.name)")) }
}
