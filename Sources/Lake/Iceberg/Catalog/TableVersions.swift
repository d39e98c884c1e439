// The numbered metadata files of one table: finds the last one and adds the next.
import Avro
import ObjectStorage

/// The files `metadata/vN.metadata.json` and the hint beside them.
struct TableVersions: Sendable {
    struct Version: Sendable {
        let number: Int
        let table: LoadedTable
    }

    /// How far to go on from a hint file by file before the folder is listed instead.
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

    /// The number in the hint; nil when there is none, or none that can be read.
    private func hint() async throws(ObjectStorageError) -> Int? {
        do throws(ObjectStorageError) {
            let text = String(decoding: try await files.read(hintFile).prefix(20), as: UTF8.self)
            return Int(text.filter { !$0.isWhitespace }).flatMap { $0 > 0 && $0 < Int32.max ? $0 : nil }
        } catch {
            if error.kind == .notFound { return nil }
            throw error
        }
    }

    /// The last number that is there without a gap from `number` on; nil when `number` itself is not.
    private func last(from number: Int) async throws(ObjectStorageError) -> Int? {
        guard try await files.exists(file(number)) else { return nil }
        var last = number
        for _ in 0..<Self.probes {
            guard try await files.exists(file(last + 1)) else { return last }
            last += 1
        }
        return max(last, try await listed() ?? last)
    }

    /// The highest number in the folder.
    private func listed() async throws(ObjectStorageError) -> Int? {
        let suffix = ".metadata.json"
        let names = try await files.names(in: folder, prefix: "v")
        // To take the table for a new one would be worse than not to read it.
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
    /// Adds a version: committed when this call created the file, conflict when another writer had.
    /// - Parameter added: the snapshots that this version adds.
    func store(_ metadata: TableMetadata, as number: Int, adding added: Set<Int64> = []) async -> CommitOutcome {
        let bytes: [UInt8]
        do { bytes = try metadata.bytes() } catch {
            return .failed(CatalogError(.refused, "\(file(number)): the metadata cannot be written: \(error)"))
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
            default: return .failed(CatalogError(storage: error, doing: "commit"))
            }
        }
        return await settle(number, table, added)
    }

    /// After an unknown outcome: the file itself says what happened, unless it is not there, when the write may still come.
    private func look(
        for bytes: [UInt8], at number: Int, _ table: LoadedTable, _ cause: ObjectStorageError
    ) async -> CommitOutcome {
        do throws(ObjectStorageError) {
            let found = try await files.read(file(number))
            return found == bytes ? .committed(table) : .conflict("\(file(number)): another writer was first")
        } catch { return .unknown("\(cause)") }
    }

    /// A writer that slept while others went on, and whose number was cleaned away in between, would win a number that
    /// nobody reads any more. So the hint is read again: when it is ahead, the last metadata must show our snapshot.
    private func settle(_ number: Int, _ table: LoadedTable, _ added: Set<Int64>) async -> CommitOutcome {
        let ahead: Int?
        do throws(ObjectStorageError) { ahead = try await hint() } catch { ahead = nil }
        guard let ahead, ahead > number else {
            // A store or a proxy before it can answer 200 to what it did not keep: a commit is what can be found again.
            do throws(ObjectStorageError) {
                guard try await files.exists(file(number)) else {
                    return .unknown("\(file(number)): the store took it, but it is not there")
                }
            } catch { return .unknown("\(file(number)): \(error)") }
            // Only a hint: readers go on from an old one.
            if ahead != number { try? await files.write(hintFile, [UInt8]("\(number)".utf8)) }
            return .committed(table)
        }
        do throws(CatalogError) {
            guard let last = try await latest(), last.number > number else { return .committed(table) }
            if !added.isEmpty, added.isSubset(of: last.table.metadata.snapshots.map(\.id)) { return .committed(table) }
            // Whether it was part of the table or not, nobody needs this version now, and left in a gap it could mislead
            // a reader with an old hint.
            try? await files.delete([file(number)])
            return .unknown("\(file(number)): the table had gone on to version \(last.number)")
        } catch { return .unknown("\(file(number)): \(error)") }
    }

    /// Removes metadata files that fell out of the log, where the table's property asks for it.
    func tidy(from old: TableMetadata, to new: TableMetadata) async {
        guard new.properties["write.metadata.delete-after-commit.enabled"] == "true" else { return }
        try? await files.delete(old.metadataFilesDropped(by: new))
    }
}

extension TableMetadata {
    /// The metadata files that this state's log has and that of its successor does not: no reader needs them.
    package func metadataFilesDropped(by successor: TableMetadata) -> [String] {
        let kept = Set(successor.metadataLog.map(\.file))
        return metadataLog.map(\.file).filter { !kept.contains($0) }
    }
}
