// What the caller may choose about a file that is written. Defaults are those most readers are tuned for.

/// How pages are compressed when written.
package enum PageCompression: Sendable, Equatable {
    /// Not at all.
    case none
    /// As zstd frames of this level: 1 to 22, negative ones faster.
    case zstd(level: Int)
}

/// Settings of a `ParquetWriter`.
package struct WriterOptions: Sendable {
    /// How pages are compressed.
    package var compression = PageCompression.zstd(level: 1)
    /// A row group ends when its encoded bytes (compressed pages, dictionaries and the pages being filled) reach this.
    /// The writer's memory is bounded by it.
    package var rowGroupBytes = 64 << 20
    /// A row group ends after this many rows at the latest.
    package var rowGroupRows = 1 << 20
    /// A page ends after this many rows.
    package var pageRows = 20_000
    /// A page of byte arrays ends at about this many bytes, before compression.
    package var pageBytes = 1 << 20
    /// A dictionary larger than this is given up: what follows in the row group is plain.
    package var dictionaryBytes = 1 << 20
    /// The file's key-value metadata, in this order.
    package var metadata: [(key: String, value: String)] = []
    /// What the file says it was written by, in the form "NAME version X".
    package var createdBy = "pageviews version 1.0.0"

    /// The defaults.
    package init() {}
}
