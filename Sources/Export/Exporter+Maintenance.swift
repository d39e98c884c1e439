// Maintenance in the exporter's task: after the exports of a cycle, or alone.

import Tables
import Foundation
import Iceberg
import Log
import State

extension Exporter {
    private static let incidentKind = "maintenance-failed"
    /// More rewrites than any table needs, in case a decision never comes to rest.
    private static let mostRewrites = 10_000

    /// What is due after a cycle of exports: at most one rewrite a table. A failure is logged and noted, and tried again
    /// after the next export; it never keeps exports from going on.
    func maintainAfterCycle(_ mayGoOn: @escaping @Sendable () -> Bool) async {
        for table in [ExportTable.counts, .raw] where mayGoOn() {
            do {
                guard try needsMaintenance(table) else { continue }
                let name = fullName(of: table)
                try await maintainer(table, isThorough: false, mayGoOn) {
                    self.environment.log.info("\($0)", metadata: ["table": "\(name)"])
                }?
                .run(rewrites: 1)
                maintained[table] = try store.with { try $0.lastSnapshot(of: table) }
                let now = environment.nowMilliseconds()
                try store.with { try $0.resolve(incidentsOfKind: Self.incidentKind, now: now) }
            } catch is MaintenanceStopped {
                return
            } catch {
                complain(table, "\(error)")
            }
        }
    }

    /// Only a table that changed since it was maintained, and has nothing under way.
    private func needsMaintenance(_ table: ExportTable) throws -> Bool {
        try store.with { store in
            guard let snapshot = try store.lastSnapshot(of: table), try store.intent(of: table) == nil else {
                return false
            }
            return maintained[table] != snapshot
        }
    }

    private func complain(_ table: ExportTable, _ reason: String) {
        environment.log.warning(
            "maintenance of \(settings.tables.name(of: table)): \(reason) (trying again after the next export)",
            metadata: ["table": "\(fullName(of: table))"])
        let now = environment.nowMilliseconds()
        try? store.with { try $0.noteOnce(Incident(kind: Self.incidentKind, detail: reason), now: now) }
    }

    /// Finishes what was begun, and then merges and removes all that can be, whether or not it is worth a commit.
    /// - Parameters:
    ///   - dryRun: only reports what would be done.
    ///   - mayGoOn: asked often; no ends the work at the next safe place.
    ///   - report: told each thing that was done, or would be.
    /// - Throws: the first failure.
    package func maintain(
        dryRun: Bool, mayGoOn: @escaping @Sendable () -> Bool, report: @escaping (String) -> Void
    ) async throws {
        if !dryRun { try tidy() }
        for table in [ExportTable.counts, .raw] where mayGoOn() {
            if !dryRun { try await finishOpen(table) }
            let maintainer = maintainer(table, isThorough: true, mayGoOn, report)
            do {
                if dryRun {
                    try await maintainer?.tell()
                } else {
                    try await maintainer?.run(rewrites: Self.mostRewrites)
                }
            } catch is MaintenanceStopped {
                return
            }
        }
    }

    private func maintainer(
        _ table: ExportTable, isThorough: Bool, _ mayGoOn: @escaping @Sendable () -> Bool,
        _ report: @escaping (String) -> Void
    ) -> Maintainer? {
        guard let session = sessions[table] else { return nil }
        return Maintainer(
            session: session, committer: committer(session), settings: settings, store: store, environment: environment,
            isThorough: isThorough, mayGoOn: mayGoOn, report: report)
    }
}
