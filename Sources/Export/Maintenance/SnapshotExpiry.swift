// Expires snapshots and removes unreferenced files.
//
// The files that an expiry frees are durable in the ledger before it is committed, so none is lost track of. A file is
// removed only if the table, loaded after that commit, does not reference it. Files of failed tries wait until a later
// commit of the table has settled, because until then a request may still be under way.

import Tables
import Iceberg
import Log
import ObjectStorage
import State

/// Expires snapshots and removes files of one table. Used only while the table has no open intent.
struct SnapshotExpiry {
    package let session: TableSession
    package let settings: MaintenanceSettings
    package let store: SharedStore
    package let environment: WriterEnvironment
    /// Maximum number of files removed between two updates of the ledger.
    private static let removalStep = 500

    private var name: String { session.identifier.description }

    /// Commits an expiry and removes the files that it frees.
    /// - Returns: the number of removed files; nil when the commit was not applied or its outcome is unknown.
    /// - Throws: `CatalogError`, `IcebergError`, `ObjectStorageError`, `SQLiteError`.
    package func expire(_ plan: ExpiryPlan, _ table: TableSession.Open) async throws -> Int? {
        let freed = try await table.io.unreferencedFiles(plan, of: table.metadata).all
        let now = environment.nowMilliseconds()
        try store.with { store in try store.durably { try store.addOrphans(freed, of: session.kind, now: now) } }
        environment.failPoint("\(session.kind.rawValue).expiry.recorded")
        switch await session.catalog.commit(
            session.identifier, requirements: plan.requirements, updates: plan.updates)
        {
        case .committed: break
        case .conflict(let reason):
            environment.log.info("table \(name): \(reason); snapshots expire later", metadata: ["table": "\(name)"])
            return nil
        case .failed(let error): throw error
        case .unknown(let reason):
            guard try await isApplied(plan) else {
                environment.log.info(
                    "table \(name): it is not known whether snapshots expired (\(reason)); checking again later",
                    metadata: ["table": "\(name)"])
                return nil
            }
        }
        environment.failPoint("\(session.kind.rawValue).expiry.committed")
        guard let after = try await session.openExisting() else { return nil }
        return try await remove(freed, after)
    }

    private func isApplied(_ plan: ExpiryPlan) async throws -> Bool {
        guard let table = try await session.openExisting() else { return false }
        let expired = Set(plan.expired.map(\.id))
        return !table.metadata.snapshots.contains { expired.contains($0.id) }
    }

    /// Removes the ledger's orphans that no commit can reference any more.
    /// - Returns: the number of removed files.
    /// - Throws: `IcebergError`, `ObjectStorageError`, `SQLiteError`.
    package func sweep(_ table: TableSession.Open) async throws -> Int {
        let candidates = try orphans()
        return candidates.isEmpty ? 0 : try await remove(candidates, table)
    }

    /// The orphans that a sweep may remove; none while the table has an open intent or no settled commit.
    /// - Throws: `SQLiteError`.
    package func orphans() throws -> [String] {
        let kind = session.kind
        return try store.with { store in
            guard try store.intent(of: kind) == nil, let settled = try store.lastSettled(name) else { return [] }
            return try store.orphans(of: kind, before: settled)
        }
    }

    /// The candidates that the table does not reference.
    func removable(_ candidates: [String], _ table: TableSession.Open) async throws -> [String] {
        var referenced = ReferencedFiles(table.metadata, metadataFile: table.metadataLocation)
        for snapshot in table.metadata.snapshots {
            for manifest in try await table.io.manifests(of: snapshot) {
                referenced.add(manifest, try await table.io.entries(of: manifest, in: table.metadata))
            }
        }
        return referenced.removable(candidates)
    }

    private func remove(_ candidates: [String], _ table: TableSession.Open) async throws -> Int {
        let unused = try await removable(candidates, table)
        for start in stride(from: 0, to: unused.count, by: Self.removalStep) {
            let some = Array(unused[start..<min(start + Self.removalStep, unused.count)])
            try await table.io.files.delete(some)
            environment.failPoint("\(session.kind.rawValue).expiry.removed")
            try store.with { try $0.forgetOrphans(some) }
        }
        return unused.count
    }
}
