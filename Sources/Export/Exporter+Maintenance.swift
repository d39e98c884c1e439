// Maintenance in the exporter's task, after the exports of a cycle or alone.

import Tables
import Foundation
import Iceberg
import Log
import State

extension Exporter {
    private static let incidentKind = "maintenance-failed"
    /// Maximum number of rewrites per table. No table needs that many; the limit ends a decision that never settles.
    private static let mostRewrites = 10_000

    /// Does the maintenance that is due after a cycle of exports: at most one rewrite per table. A failure is logged,
    /// recorded as an incident and retried after the next export. It never stops the exports.
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

    /// Whether a table has changed since its last maintenance and has no open intent.
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

    /// Finishes open commits, then merges and removes everything that can be, whether or not it is worth a commit.
    /// - Parameters:
    ///   - dryRun: only reports what would be done.
    ///   - mayGoOn: called often; when it returns false, the work ends at the next safe point.
    ///   - report: receives one line for each thing that was done, or would be.
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
