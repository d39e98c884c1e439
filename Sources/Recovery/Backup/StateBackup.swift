// Copies a state that a service may be writing to: the file with SQLite's online backup, and the spool files that it
// names, which are closed segments and an open commit's files.
//
// Nothing is overwritten, and the source is only read. The copy gets its name last: it is made under another name,
// checked, synced and then linked, so a backup under its own name is complete.

package import Base
import Foundation
import State

/// Makes backups of a state.
package struct StateBackup {
    /// The contents of a backup.
    package struct Summary: Equatable, Sendable {
        /// The generation of the copied state.
        package let generation: Generation
        /// The size of the copied file in bytes, without segments.
        package let bytes: Int64
        /// Number of segments that wait for export.
        package let segments: Int
    }

    private let source: String
    private let destination: String
    private var partial: String { destination + ".partial" }
    private static let tries = 5

    /// - Parameters:
    ///   - source: path of the state file.
    ///   - destination: path of the new file; its segments go to `DESTINATION.spool`.
    package init(of source: String, to destination: String) {
        self.source = source
        self.destination = destination
    }

    /// Makes the backup.
    /// - Throws: `BackupError`, `StoreError`, `SQLiteError`, or a file error. Partial copies are removed then.
    package func make() throws -> Summary {
        try refuseToOverwrite()
        defer { removePartial() }
        for _ in 0..<Self.tries {
            removePartial()
            let needs = try copyState()
            guard try copyFiles(of: needs) else { continue }
            return try finish(needs)
        }
        throw BackupError.segmentsKeepLeaving(source)
    }

    private func refuseToOverwrite() throws {
        for path in [destination, destination + "-wal", destination + ".spool"]
        where FileManager.default.fileExists(atPath: path) {
            throw BackupError.exists(path)
        }
    }

    private func removePartial() {
        for suffix in ["", "-wal", "-shm", "-journal", ".spool"] {
            try? FileManager.default.removeItem(atPath: partial + suffix)
        }
    }

    /// The spool files that the copied state names.
    private struct Needs {
        var generation: Generation = 0
        var segments = 0
        /// Files of segments. They are required: their events are nowhere else.
        var files: Set<String> = []
        /// Files of open commits. A missing one is no loss: its commit was settled since, and the copy will find it in
        /// the table.
        var optional: Set<String> = []
    }

    private func copyState() throws -> Needs {
        let copy = try StateCopy(of: source, to: partial)
        guard try copy.isWhole() else { throw BackupError.damaged(source) }
        return try needs(of: copy)
    }

    private func needs(of copy: StateCopy) throws -> Needs {
        var needs = Needs()
        needs.generation = try copy.recordedGeneration()
        for segment in try copy.segments(limit: Int(Int32.max)) {
            needs.segments += 1
            needs.files.formUnion(segment.fileNames)
        }
        for table in ExportTable.allCases {
            needs.optional.formUnion(try copy.intent(of: table)?.files.uploads.map(\.name) ?? [])
        }
        return needs
    }

    /// - Returns: false when a segment's file is gone: it was exported after the state was copied, so the state must be
    ///   copied again.
    private func copyFiles(of needs: Needs) throws -> Bool {
        let names = needs.files.union(needs.optional)
        guard !names.isEmpty else { return true }
        let folder = partial + ".spool"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        for name in names {
            let from = "\(source).spool/\(name)"
            do {
                try FileManager.default.copyItem(atPath: from, toPath: "\(folder)/\(name)")
            } catch  where !FileManager.default.fileExists(atPath: from) {
                if needs.files.contains(name) { return false }
                continue
            }
            try SpoolFile.sync("\(folder)/\(name)")
        }
        try SpoolFile.sync(folder)
        return true
    }

    /// Gives the copies their names, the segments first, so that a backup is never without them.
    private func finish(_ needs: Needs) throws -> Summary {
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: partial + suffix) }
        try SpoolFile.sync(partial)
        if FileManager.default.fileExists(atPath: partial + ".spool") {
            try FileManager.default.moveItem(atPath: partial + ".spool", toPath: destination + ".spool")
        }
        // A link, not a rename: it fails if the file exists by now.
        try FileManager.default.linkItem(atPath: partial, toPath: destination)
        let folder = (destination as NSString).deletingLastPathComponent
        try SpoolFile.sync(folder.isEmpty ? "." : folder)
        let size = try FileManager.default.attributesOfItem(atPath: destination)[.size] as? NSNumber
        return Summary(generation: needs.generation, bytes: size?.int64Value ?? 0, segments: needs.segments)
    }
}

/// Why no backup was made.
package enum BackupError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The destination exists.
    case exists(String)
    /// The copy fails the integrity check, so the state itself is damaged.
    case damaged(String)
    /// Segments were exported before they could be copied, in all 5 tries.
    case segmentsKeepLeaving(String)

    /// One line: what failed, where, and what to do.
    package var description: String {
        switch self {
        case .exists(let path): "\(path) exists already; a backup overwrites nothing: give another name, or remove it"
        case .damaged(let path):
            "the copy of \(path) fails SQLite's quick_check, so the state is damaged; rebuild it with "
                + "`pageviews restore`"
        case .segmentsKeepLeaving(let path):
            "raw files of \(path) were exported each time they were about to be copied; try again"
        }
    }
}
