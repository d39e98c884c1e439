// Segments whose files somebody has removed, or a disk has cut off.
//
// Invariants: segments are exported in the order in which they were closed, so none goes out behind a lost one; a lost one is
// noted in the store, and the ingest half drops it and those after it, and re-reads their events.

import Tables
import Base
import Iceberg
import Log
import State

/// The segments that wait for export.
enum WaitingSegments {
    /// The oldest of them whose files are all there, at most `limit`; the first that is not is noted.
    /// - Throws: `TableError.spoolFileMissing` when the oldest is lost, `SQLiteError`, or `DecodingError`.
    package static func complete(
        _ store: SharedStore, in settings: ExportSettings, limit: Int, _ table: TableIdentifier
    ) throws -> [Segment] {
        let segments = try store.with { try $0.segments(limit: limit) }
        let complete = segments.prefix { missing(of: $0, in: settings) == nil }
        guard complete.count < segments.count else {
            // One that is not among these was noted by another.
            store.with { if segments.map(\.name).contains($0.lostSegment) { $0.lostSegment = nil } }
            return segments
        }
        let lost = segments[complete.count]
        store.with { $0.lostSegment = lost.name }
        if complete.isEmpty, let path = missing(of: lost, in: settings) {
            throw TableError.spoolFileMissing(path: path, table: table.description)
        }
        return Array(complete)
    }

    /// A file of the segment that is gone, or has another size than it was written with; nil when there is none. A file of
    /// another content is found when it is sent (SummedFile.swift).
    package static func missing(of segment: Segment, in settings: ExportSettings) -> String? {
        segment.files.lazy.map { (path: "\(settings.spoolFolder)/\($0.name)", bytes: $0.bytes) }
            .first { SpoolCheck.size(ofFile: $0.path) != $0.bytes }?.path
    }
}

extension Committer {
    /// Gives up a commit of which a local file is gone, and which therefore was never tried: a try comes after all files
    /// were sent. What it would have brought is prepared again.
    func withdraw(_ intent: Intent, _ files: CommitFiles) throws {
        environment.log.warning(
            "table \(intent.tableName): a local file that waits for export is gone; the commit is prepared again",
            metadata: intent.facts)
        let now = environment.nowMilliseconds()
        try store.with { store in
            let segments = try store.segments(limit: Int(Int32.max)).filter { intent.segments.contains($0.name) }
            let complete = segments.prefix { WaitingSegments.missing(of: $0, in: settings) == nil }
            // They go to the same places again.
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
