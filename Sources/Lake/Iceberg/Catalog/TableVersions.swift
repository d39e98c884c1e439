// The numbered metadata files of one table (https://iceberg.apache.org/spec/#file-system-tables): finds the last and
// adds the next.
import Avro
import ObjectStorage

/// The files `metadata/vN.metadata.json` and the hint beside them.
struct TableVersions: Sendable {
    struct Version: Sendable {
        let number: Int
        let table: LoadedTable
    }

    /// Number of versions above the hint to probe one by one before listing the folder.
    private static let probes = 32

    let files: TableFiles
    let location: String

    private var folder: String { "\(location)/metadata" }
    private var hintFile: String { "\(folder)/version-hint.text" }

    func file(_ number: Int) -> String { "\(folder)/v\(number).metadata.json" }

    /// The last version; nil when the table has none.
    func latest() async throws(CatalogError) -> Version? {
        do throws(ObjectStorageError) {
            if let hint = try await hint(), let found = try await last(from: hint) { return try await read(found) }
            guard let listed = try await listed() else { return nil }
            return try await read(try await last(from: listed) ?? listed)
        } catch { throw CatalogError(storage: error, doing: "load \(location)") }
    }

    /// The number in the hint file; nil when it is missing or malformed.
    private func hint() async throws(ObjectStorageError) -> Int? {
        do throws(ObjectStorageError) {
            let text = String(decoding: try await files.read(hintFile).prefix(20), as: UTF8.self)
            return Int(text.filter { !$0.isWhitespace }).flatMap { $0 > 0 && $0 < Int32.max ? $0 : nil }
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
    }

    /// The last version from `number` on without a gap; nil when `number` itself does not exist.
    private func last(from number: Int) async throws(ObjectStorageError) -> Int? {
        guard try await files.exists(file(number)) else { return nil }
        var last = number
        for _ in 0..<Self.probes {
            guard try await files.exists(file(last + 1)) else { return last }
            last += 1
        }
        return max(last, try await listed() ?? last)
    }

    /// The highest version in the folder; nil when there is none.
    private func listed() async throws(ObjectStorageError) -> Int? {
        let suffix = ".metadata.json"
        let names = try await files.names(in: folder, prefix: "v")
        // Ignoring compressed metadata would treat the table as new.
        if let compressed = names.first(where: { $0.hasSuffix(".gz\(suffix)") }) {
            throw ObjectStorageError(
                kind: .invalid, operation: "read", object: "\(folder)/\(compressed)",
                detail: "compressed metadata is not read; write it with write.metadata.compression-codec=none")
        }
        return names.compactMap { name in
            name.hasSuffix(suffix) ? Int(name.dropFirst().dropLast(suffix.count)).flatMap { $0 > 0 ? $0 : nil } : nil
        }.max()
    }

    private func read(_ number: Int) async throws(ObjectStorageError) -> Version {
        let bytes = try await files.read(file(number))
        do throws(IcebergError) {
            let metadata = try TableMetadata(parsing: bytes, file: file(number))
            return Version(
                number: number, table: LoadedTable(metadata: metadata, metadataLocation: file(number)))
        } catch {
            throw ObjectStorageError(kind: .invalid, operation: "read", object: file(number), detail: "\(error)")
        }
    }
}

extension TableVersions {
    /// Adds a version. `committed` when this call created the file, `conflict` when another writer did.
    /// - Parameter added: the snapshots that this version adds.
    func store(_ metadata: TableMetadata, as number: Int, adding added: Set<Int64> = []) async -> CommitOutcome {
        let bytes: [UInt8]
        do { bytes = try metadata.bytes() } catch {
            return .certainFailure(
                CatalogError(.refused, "\(file(number)): the metadata cannot be written: \(error)"))
        }
        let table = LoadedTable(metadata: metadata, metadataLocation: file(number))
        do throws(ObjectStorageError) {
            try await files.write(file(number), bytes, condition: .ifAbsent)
        } catch {
            switch error.kind {
            case .preconditionFailed: return .conflict("\(file(number)): another writer was first")
            case .unknownOutcome:
                let outcome = await look(for: bytes, at: number, table, error)
                if case .committed = outcome { return await settle(number, table, added) }
                return outcome
            default: return .certainFailure(CatalogError(storage: error, doing: "commit"))
            }
        }
        return await settle(number, table, added)
    }

    /// Resolves an unknown outcome by reading the file. When it is missing, the write may still take effect later.
    private func look(
        for bytes: [UInt8], at number: Int, _ table: LoadedTable, _ cause: ObjectStorageError
    ) async -> CommitOutcome {
        do throws(ObjectStorageError) {
            let found = try await files.read(file(number))
            return found == bytes ? .committed(table) : .conflict("\(file(number)): another writer was first")
        } catch { return .unknown("\(cause)") }
    }

    /// Verifies a commit after its file was created. While this writer was suspended, others may have passed its number
    /// and removed that file, so it would win a number that no reader reaches. The hint is therefore re-read: when it
    /// is ahead, the last metadata must contain our snapshots.
    private func settle(_ number: Int, _ table: LoadedTable, _ added: Set<Int64>) async -> CommitOutcome {
        let ahead: Int?
        do throws(ObjectStorageError) { ahead = try await hint() } catch { ahead = nil }
        guard let ahead, ahead > number else {
            // A store or proxy may answer 200 without keeping the file, so the commit counts only if the file exists.
            do throws(ObjectStorageError) {
                guard try await files.exists(file(number)) else {
                    return .unknown("\(file(number)): the store accepted the file, but it does not exist")
                }
            } catch { return .unknown("\(file(number)): \(error)") }
            // Best effort: readers probe onward from a stale hint.
            if ahead != number { try? await files.write(hintFile, [UInt8]("\(number)".utf8)) }
            return .committed(table)
        }
        do throws(CatalogError) {
            guard let last = try await latest(), last.number > number else { return .committed(table) }
            if !added.isEmpty, added.isSubset(of: last.table.metadata.snapshots.map(\.id)) { return .committed(table) }
            // No reader needs this version now. In a gap between versions it could mislead a reader with a stale hint.
            try? await files.delete([file(number)])
            return .unknown("\(file(number)): the table had advanced to version \(last.number)")
        } catch { return .unknown("\(file(number)): \(error)") }
    }

    /// Removes metadata files dropped from the log, if `write.metadata.delete-after-commit.enabled` is set. Best
    /// effort.
    func tidy(from old: TableMetadata, to new: TableMetadata) async {
        guard new.properties["write.metadata.delete-after-commit.enabled"] == "true" else { return }
        try? await files.delete(old.metadataFilesDropped(by: new))
    }
}

extension TableMetadata {
    /// The metadata files in this state's log that its successor's log no longer has; no reader needs them.
    package func metadataFilesDropped(by successor: TableMetadata) -> [String] {
        let kept = Set(successor.metadataLog.map(\.file))
        return metadataLog.map(\.file).filter { !kept.contains($0) }
    }
}
