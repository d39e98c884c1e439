// What all typed columns of a writer have in common, so that the writer can end pages and row groups on each.

/// A column that rows are appended to. Get the typed one from the `ParquetWriter`.
@usableFromInline package class ColumnWriter {
    let chunk: ChunkBuilder
    /// Rows (counted within the page) that are null, ascending.
    @usableFromInline @exclusivity(unchecked) var nulls: [UInt32] = []

    init(_ chunk: ChunkBuilder) { self.chunk = chunk }

    /// Rows appended to the current row group.
    var rowCount: Int { chunk.rowCount + pendingRows }
    /// Rows of the page being filled.
    var pendingRows: Int { 0 }
    /// Encodes the page being filled. `isLast` when the row group ends with it.
    func encodePage(isLast: Bool) throws {}
    /// Makes the dictionary page, if there is one, and forgets the dictionary.
    func endDictionary() throws {}

    /// Ends the page being filled; a failure is kept for the writer.
    @usableFromInline
    func cutPage() {
        do {
            try encodePage(isLast: false)
        } catch {
            fail(error)
        }
    }

    /// Ends the column chunk and hands it to `sink`.
    func finishChunk(at offset: Int, _ sink: (UnsafeRawBufferPointer) throws -> Void) throws -> WrittenChunk {
        if pendingRows > 0 { try encodePage(isLast: true) }
        try endDictionary()
        return try chunk.finish(at: offset, sink)
    }

    /// Keeps what went wrong while appending, for the writer's next `endRow` or `finish`.
    func fail(_ error: any Error) { chunk.shared.failure = chunk.shared.failure ?? error }

    @usableFromInline
    func refuseNull() { fail(ParquetError.invalid("a null in the required column \(chunk.column.name)")) }
}
