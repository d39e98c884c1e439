// The options of a written file. The defaults suit common readers.

/// The compression of written pages.
package enum PageCompression: Sendable, Equatable {
    /// No compression.
    case none
    /// Zstandard frames at this level: 1 ... 22; negative levels are faster.
    case zstd(level: Int)
}

/// Settings of a `ParquetWriter`.
package struct WriterOptions: Sendable {
    /// The compression of pages.
    package var compression = PageCompression.zstd(level: 1)
    /// The size, in bytes of finished pages, at which a row group ends. Bounds the writer's memory, together with one
    /// open page and one dictionary per column.
    package var rowGroupBytes = 64 << 20
    /// The number of rows at which a row group ends at the latest.
    package var rowGroupRows = 1 << 20
    /// The number of rows at which a page ends, 1 ... 2^24.
    package var pageRows = 20_000
    /// The approximate size, in bytes before compression, at which a page of byte arrays ends; at most 1 GiB.
    package var pageBytes = 1 << 20
    /// Largest dictionary, in bytes, at most 1 GiB. Beyond it, later pages of the row group are plain.
    package var dictionaryBytes = 1 << 20
    /// The file's key-value metadata, in this order.
    package var metadata: [(key: String, value: String)] = []
    /// The writer's name in the file, in the form "NAME version X".
    package var createdBy = "pageviews version 1.0.0"

    /// The defaults.
    package init() {}
}
