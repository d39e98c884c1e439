// A state that is lost, and its restore from the tables.

import Base
import Foundation
import Recovery
import SQLite

extension World {
    /// The state's files are gone; what the tables have is built into a new one.
    func loseState() {
        guard let process else { return }
        kill(power: false)
        let state = process.statePath
        noteRawLoss(state)
        let others = (try? FileManager.default.contentsOfDirectory(atPath: process.folder)) ?? []
        for name in others { try? FileManager.default.removeItem(atPath: "\(process.folder)/\(name)") }
        note("the state is lost")
        (wasLost, restoredEnds) = (true, [:])
        do {
            try restore(to: state)
            (isRestored, shadow.isExact) = (true, false)
            let restored = try Connection(path: state, mode: .readOnly)
            restoredGeneration = try restored.integer("SELECT generation FROM progress").map(Generation.init(clamping:))
            let statement = try restored.prepare(
                "SELECT kafka_partition, next_offset FROM partition_progress")
            while try statement.step() {
                restoredEnds[PartitionID(clamping: statement.int64(0))] = KafkaOffset(rawValue: statement.int64(1))
            }
        } catch {
            // Without tables everything is read again.
            note("no restore: \(error)")
            // The raw table lacks rows that the counts table counts, and a state has said so: refused, as documented.
            // The same for raw rows that a restored state read again, if it was lost before it exported its counts: it may
            // have taken other events for late than the state before it (ADR 0009).
            if lacksRawRows || isBetweenLives, case RestoreError.disagree = error { return isRefused = true }
            if faults.kinds.contains(.retention) { isLossy = true }
        }
        shadow.forget()
        // The raw half may have lost records that were counted.
        if isLossy, !restoredEnds.isEmpty, let places = try? rawPlaces() { shadow.keep(only: places) }
    }

    /// Notes what a state that is about to be lost says, and whether it tells of raw rows that no log has any more.
    private func noteRawLoss(_ state: String) {
        guard let connection = try? Connection(path: state, mode: .readOnly) else { return }
        let progress = "'partition ' || kafka_partition || ' is at ' || next_offset || ', ' || consumed || ' consumed'"
        let told =
            ((try? rows(connection, "SELECT \(progress) FROM partition_progress")) ?? [])
            + ((try? rows(connection, "SELECT detail FROM incident")) ?? [])
        for line in told { note("the state said: \(line)") }
        let exported = try? connection.integer("SELECT generation FROM export_progress WHERE table_kind = 'counts'")
        isBetweenLives = restoredGeneration.map { Generation(clamping: exported ?? 0) < $0 } ?? false
        if told.contains(where: { $0.contains("not in the raw table") }) { lacksRawRows = true }
    }
}
