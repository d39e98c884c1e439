// Detects waiting segments whose files are missing or truncated.
//
// Segments are exported in the order in which they were closed, so none is exported after a lost one. A lost segment is
// noted in the store. The ingest half then drops it and those after it, and re-reads their events.

import Tables
import Base
import Iceberg
import Log
import State

/// The segments that wait for export.
enum WaitingSegments {
    /// The oldest segments, at most `limit`, up to the first one with missing or truncated files, which is noted in the
    /// store. A truncated file is set aside.
    /// - Throws: `TableError.spoolFileMissing` when the oldest has missing files; `SQLiteError`; `DecodingError`.
    package static func complete(
        _ store: SharedStore, in settings: ExportSettings, limit: Int, _ table: TableIdentifier, _ log: Logger
    ) throws -> [Segment] {
        let segments = try store.with { try $0.segments(limit: limit) }
        let complete = segments.prefix { missing(of: $0, in: settings) == nil }
        guard complete.count < segments.count else {
            // The store may note a segment beyond `limit`; only a note about one of these is cleared.
            store.with { if segments.map(\.name).contains($0.lostSegment) { $0.lostSegment = nil } }
            return segments
        }
        let lost = segments[complete.count]
        for defect in setAsideTruncated(lost, in: settings) {
            log.error("\(SpoolCheck.report(defect.path, defect.text, "\(table)"))")
        }
        store.with { $0.lostSegment = lost.name }
        if complete.isEmpty, let path = missing(of: lost, in: settings) {
            throw TableError.spoolFileMissing(path: path, table: table.description)
        }
        return Array(complete)
    }

    /// Sets aside the segment's files that have another size than the one written.
    /// - Returns: their paths and defects.
    static func setAsideTruncated(_ segment: Segment, in settings: ExportSettings) -> [(path: String, text: String)] {
        segment.files.compactMap { file in
            let path = "\(settings.spoolFolder)/\(file.name)"
            guard let found = SpoolCheck.size(ofFile: path), found != file.bytes else { return nil }
            SpoolCheck.setAside(file.name, in: settings.spoolFolder)
            return (path, SpoolCheck.sizeDefect(found, expected: file.bytes))
        }
    }

    /// The path of the segment's first file that is missing or has another size than the one written; nil when there is
    /// none. Other damage is found when the file is sent (SummedFile.swift).
    package static func missing(of segment: Segment, in settings: ExportSettings) -> String? {
        segment.files.lazy.map { (path: "\(settings.spoolFolder)/\($0.name)", bytes: $0.bytes) }
            .first { SpoolCheck.size(ofFile: $0.path) != $0.bytes }?.path
    }
}

extension Committer {
    /// Withdraws a commit with a missing local file. It was never tried, because a try needs all files uploaded. The
    /// next cycle prepares its contents again.
    func withdraw(_ intent: Intent, _ files: CommitFiles) throws {
        environment.log.warning(
            "table \(intent.tableName): a local file that waits for export is gone; the commit is prepared again",
            metadata: intent.facts)
        let now = environment.nowMilliseconds()
        try store.with { store in
            let segments = try store.segments(limit: Int(Int32.max)).filter { intent.segments.contains($0.name) }
            let complete = segments.prefix { WaitingSegments.missing(of: $0, in: settings) == nil }
            // The next commit uploads these files to the same locations.
            let names = Set(complete.flatMap(\.fileNames))
            let kept = files.uploads.filter { names.contains($0.name) }.map(\.location)
            if complete.count < segments.count { store.lostSegment = segments[complete.count].name }
            try store.abandon(intent, keeping: Set(kept), now: now)
        }
        for upload in files.uploads where intent.segments.isEmpty {
            SpoolFile.remove("\(settings.spoolFolder)/\(upload.name)")
        }
    }
}
