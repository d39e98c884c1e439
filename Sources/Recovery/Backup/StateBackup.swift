// A copy of a state that a service may be writing to: the file by SQLite's online backup, and the files of the spool that it
// names: closed segments, and what an open commit has yet to upload.
//
// Invariants: nothing is overwritten; a copy under its own name is whole (it is made under another name, synced, checked and
// then linked); the source is only read.

package import Base
import Foundation
import State

/// Makes backups of a state.
package struct StateBackup {
    /// What was copied.
    package struct Summary: Equatable, Sendable {
        /// The number of flushes the copy holds.
        package let generation: Generation
        /// The copy's size in bytes, without segments.
        package let bytes: Int64
        /// Segments that wait for export.
        package let segments: Int
    }

    private let source: String
    private let destination: String
    private var partial: String { destination + ".partial" }
    private static let tries = 5

    /// - Parameters:
    ///   - source: the state file.
    ///   - destination: the file to make; its segments go to `DESTINATION.spool`.
    package init(of source: String, to destination: String) {
        self.source = source
        self.destination = destination
    }

    /// Makes the backup.
    /// - Throws: `BackupError`, `StoreError`, or `SQLiteError`; nothing is left behind then.
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

    /// What the copied state needs of the spool.
    private struct Needs {
        var generation: Generation = 0
        var segments = 0
        /// Of segments: an event that is only here.
        var files: Set<String> = []
        /// Of open commits: gone once their commit is settled, when a copy that still has it open finds it in the table.
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

    /// - Returns: false when a segment's file is gone: it was exported since the state was copied, which then has to be copied again.
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

    /// Gives the copies their names: the segments first, so that a state is never without them.
    private func finish(_ needs: Needs) throws -> Summary {
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: partial + suffix) }
        try SpoolFile.sync(partial)
        if FileManager.default.fileExists(atPath: partial + ".spool") {
            try FileManager.default.moveItem(atPath: partial + ".spool", toPath: destination + ".spool")
        }
        // A link, not a rename: a file that came meanwhile stays.
        try FileManager.default.linkItem(atPath: partial, toPath: destination)
        let folder = (destination as NSString).deletingLastPathComponent
        try SpoolFile.sync(folder.isEmpty ? "." : folder)
        let size = try FileManager.default.attributesOfItem(atPath: destination)[.size] as? NSNumber
        return Summary(generation: needs.generation, bytes: size?.int64Value ?? 0, segments: needs.segments)
    }
}

/// Why no backup was made.
package enum BackupError: Error, CustomStringConvertible, Equatable, Sendable {
    /// Something is there already.
    case exists(String)
    /// The copy is not a whole database: the state itself is damaged.
    case damaged(String)
    /// Segments were exported faster than they could be copied.
    case segmentsKeepLeaving(String)

    /// One line: what failed, on what, what to do.
    package var description: String {
        switch self {
        case .exists(let path): "\(path) exists already; a backup overwrites nothing: give another name, or remove it"
        case .damaged(let path):
            "the copy of \(path) fails SQLite's quick_check, so the state is damaged; rebuild it with `pageviews restore`"
        case .segmentsKeepLeaving(let path):
            "raw files of \(path) were exported each time they were about to be copied; try again"
        }
    }
}
