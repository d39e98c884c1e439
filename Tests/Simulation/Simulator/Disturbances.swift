// What happens to the world besides events: to the process, the brokers, the clock and the tables.

import Base
import Foundation
import Iceberg
import SQLite
import State
import Tables

extension World {
    /// Perhaps something goes wrong. Called at about one step in 25.
    func disturb() {
        let factor = 2.0
        if faults.strikes(.kill, factor: factor) { return kill(power: false) }
        if faults.strikes(.powerCut, factor: factor) { return kill(power: true) }
        if faults.strikes(.gracefulRestart, factor: factor) { return terminate() }
        if faults.strikes(.stateLost, factor: factor / 2) { return loseState() }
        if faults.strikes(.clockJump, factor: factor) { jump() }
        if faults.strikes(.brokerAway, factor: factor) { goAway() }
        disturbLogs(factor)
        disturbTables(factor)
        disturbFiles(factor)
        // What lags is replicated some time.
        if dice.chance(0.5) { replicate() }
    }

    private func jump() {
        wallOffset += Int64(dice.number(-120_000..<120_000))
        note("the clock jumps to \(wallOffset) ms")
    }

    private func goAway() {
        cluster.awayUntil = now + Int64(dice.number(100..<20_000))
        note("the broker is away for \(cluster.awayUntil - now) ms")
    }

    private func replicate() {
        for name in cluster.topics.keys.sorted() {
            for partition in PartitionID.all(count: cluster.topics[name]?.partitions.count ?? 0) {
                cluster.change(name, partition) { $0.replicate() }
            }
        }
    }

    // MARK: Logs

    private func disturbLogs(_ factor: Double) {
        let count = cluster.topics[Self.topic]?.partitions.count ?? 1
        let partition = PartitionID(clamping: dice.number(0..<count))
        if faults.strikes(.leaderChange, factor: factor) {
            note("partition \(partition) has another leader")
            cluster.change(Self.topic, partition) { $0.changeLeader() }
        }
        if faults.strikes(.hangingTransaction, factor: factor) { hang(partition) }
        if faults.strikes(.retention, factor: factor) { deleteRecords(partition) }
        if faults.strikes(.truncated, factor: factor) { truncate(partition) }
        if faults.strikes(.recreated, factor: factor / 4) { recreate() }
        if faults.strikes(.newPartition, factor: factor), count < 5 {
            note("partition \(count) is added")
            shadow.isExact = false
            cluster.topics[Self.topic]?.partitions.append(PartitionLog())
        }
    }

    private func hang(_ partition: PartitionID) {
        guard let log = cluster.log(Self.topic, partition), log.openTransaction == nil else { return }
        note("a transaction hangs in partition \(partition) at \(log.end)")
        cluster.change(Self.topic, partition) { log in
            log.openTransaction = log.end
            _ = log.append(LogEntry(isControl: true))
            log.replicate()
        }
        later(in: Int64(dice.number(500..<30_000)), "the transaction in partition \(partition) ends") { world in
            world.cluster.change(Self.topic, partition) { $0.openTransaction = nil }
        }
    }

    /// Deletes mostly exported records, sometimes also records that were not read.
    private func deleteRecords(_ partition: PartitionID) {
        guard let log = cluster.log(Self.topic, partition) else { return }
        let isGreedy = dice.chance(0.2)
        var limit = log.highWatermark
        if isGreedy {
            isLossy = true
        } else {
            guard let store = process?.store,
                let next = try? store.with({ store in
                    min(
                        try store.rawOffsets()[partition] ?? 0,
                        try store.exportProgress(of: .raw).offsets[partition] ?? 0)
                })
            else { return }
            limit = min(limit, next)
        }
        guard limit > log.low else { return }
        note("records of partition \(partition) below \(limit) are deleted\(isGreedy ? ", read or not" : "")")
        cluster.change(Self.topic, partition) { $0.deleteRecords(below: limit) }
    }

    private func truncate(_ partition: PartitionID) {
        guard let log = cluster.log(Self.topic, partition), log.end > log.low else { return }
        let place = max(log.low, log.end - Int64(dice.number(1..<10)))
        note("partition \(partition) is cut at \(place) of \(log.end)")
        (isLossy, shadow.isExact) = (true, false)
        cut.insert(partition)
        cluster.change(Self.topic, partition) { $0.truncate(at: place) }
    }

    private func recreate() {
        let count = cluster.topics[Self.topic]?.partitions.count ?? 1
        note("topic \(Self.topic) is created again")
        (isLossy, shadow.isExact, wasRecreated, cut) = (true, false, true, [])
        cluster.create(Self.topic, partitions: count)
    }

    // MARK: Files

    private func disturbFiles(_ factor: Double) {
        if faults.strikes(.secondWriter, factor: factor) { openSecondWriter() }
        if faults.strikes(.spoolLost, factor: factor) { removeSpoolFile() }
    }

    private func openSecondWriter() {
        guard let process, process.store != nil, !process.isEnded, !isDisturbed else { return }
        let isLockRemoved = dice.chance(0.3)
        if !isLockRemoved, dice.chance(0.4) { return takeOver(process) }
        if isLockRemoved { unlink(process.statePath + ".lock") }
        note("a second writer opens the state\(isLockRemoved ? " after its lock was removed" : "")")
        do {
            let second = try Store(path: process.statePath, settings: windows, holder: "a second writer")
            fenced = (process.number, second.generation)
            if !isLockRemoved { fail("a second writer could open the state") }
        } catch StoreError.inUse {
            if isLockRemoved { fail("the state is in use without a lock") }
        } catch {
            note("the second writer: \(error)")
        }
        if isLockRemoved { disturbFiles() }
    }

    /// What a second writer does at its start, where locks do not hold, as on some network file systems.
    private func takeOver(_ process: SimProcess) {
        note("a second writer takes the state over without a lock")
        do {
            let second = try Connection(path: process.statePath, mode: .readWriteCreate)
            try second.execute("UPDATE progress SET writer = 'second'")
            let generation = try second.integer("SELECT generation FROM progress") ?? 0
            fenced = (process.number, Generation(clamping: generation))
            disturbFiles()
        } catch {
            note("the second writer: \(error)")
        }
    }

    private func removeSpoolFile() {
        guard let process else { return }
        let folder = process.statePath + ".spool"
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        guard !names.isEmpty else { return }
        let name = dice.pick(names)
        note("spool file \(name) is removed")
        if faults.kinds.contains(.retention) { isLossy = true }
        unlink("\(folder)/\(name)")
    }

    // MARK: Tables

    private func disturbTables(_ factor: Double) {
        func strikes(_ fault: Fault) -> Bool { faults.strikes(fault, factor: factor) }
        let table: ExportTable = dice.chance(0.5) ? .counts : .raw
        if strikes(.foreignExpiry) { change(table, expire) }
        if strikes(.foreignProperty) { change(table) { _ in [.setProperties(["comment": "of another program"])] } }
        if strikes(.foreignUpgrade) { change(table) { $0.formatVersion < 3 ? [.upgradeFormatVersion(3)] : [] } }
        if strikes(.foreignSpec) { change(table, replaceSpec) }
        // A snapshot that expired cannot be the current one again: such a table needs a person.
        if strikes(.foreignRollback), !faults.kinds.contains(.foreignExpiry) { rollBack(table) }
        // A state that is restored meanwhile has the older table.
        if strikes(.hiddenRollback), !faults.kinds.contains(.stateLost) { rollBackHidden(table) }
    }

    /// Partitions by month instead of by day.
    private func replaceSpec(_ metadata: TableMetadata) -> [TableUpdate] {
        guard metadata.partitionSpecs.count == 1, let day = metadata.partitionSpecs.first?.fields.first else {
            return []
        }
        let month = PartitionField(
            sourceID: day.sourceID, fieldID: day.fieldID + 1, name: "timestamp_month", transform: .month)
        return [.addPartitionSpec(PartitionSpec(id: 1, fields: [month])), .setDefaultSpec(-1)]
    }

    /// Sets a table back to the snapshot before, and forward again a while later.
    private func rollBack(_ table: ExportTable) {
        change(table) { [self] metadata in
            guard !setBack.contains(table), let current = metadata.currentSnapshotID,
                let parent = metadata.snapshot(current)?.parentID, metadata.snapshot(parent) != nil
            else { return [] }
            setBack.insert(table)
            later(in: Int64(dice.number(1000..<20_000)), "\(table) is set forward again") { world in
                world.setBack.remove(table)
                world.change(table) { later in
                    later.currentSnapshotID == parent
                        ? [.setSnapshotRef(name: "main", SnapshotRef(snapshotID: current, type: "branch"))] : []
                }
            }
            return [.setSnapshotRef(name: "main", SnapshotRef(snapshotID: parent, type: "branch"))]
        }
    }

    /// Sets a table back to the snapshot before and removes the newer one. A person brings that one back a while later,
    /// if nothing was committed in between.
    private func rollBackHidden(_ table: ExportTable) {
        change(table) { [self] metadata in
            guard !setBack.contains(table), let current = metadata.currentSnapshot,
                let parent = current.parentID, metadata.snapshot(parent) != nil
            else { return [] }
            setBack.insert(table)
            later(in: Int64(dice.number(1000..<20_000)), "the newest snapshot of \(table) is brought back") { world in
                world.setBack.remove(table)
                world.change(table) { later in
                    guard later.currentSnapshotID == parent else { return [] }
                    var again = current
                    again.sequenceNumber = later.lastSequenceNumber + 1
                    if later.formatVersion >= 3 { (again.firstRowID, again.addedRows) = (later.nextRowID ?? 0, 0) }
                    return [
                        .addSnapshot(again),
                        .setSnapshotRef(name: "main", SnapshotRef(snapshotID: current.id, type: "branch")),
                    ]
                }
            }
            return [
                .setSnapshotRef(name: "main", SnapshotRef(snapshotID: parent, type: "branch")),
                .removeSnapshots([current.id]),
            ]
        }
    }

    /// All snapshots but the current one.
    private func expire(_ metadata: TableMetadata) -> [TableUpdate] {
        let old = metadata.snapshots.map(\.id).filter { $0 != metadata.currentSnapshotID }
        return old.isEmpty ? [] : [.removeSnapshots(old)]
    }

    fileprivate func change(_ table: ExportTable, _ updates: @escaping (TableMetadata) -> [TableUpdate]) {
        let settings = TableSettings()
        let identifier = TableIdentifier(namespace: settings.namespace, name: settings.name(of: table))
        do {
            try executor.run { [self] in
                let catalog = try warehouse(nil).catalog
                guard let loaded = try await catalog.load(identifier) else { return }
                let changes = updates(loaded.metadata)
                guard !changes.isEmpty else { return }
                let outcome = await catalog.commit(identifier, requirements: [], updates: changes)
                note(
                    "another program changes \(identifier.name): \(changes.map { "\($0)" }.joined().prefix(80)) \(outcome)"
                        .prefix(200).description)
            }
        } catch {
            note("another program cannot change \(identifier.name): \(error)")
        }
    }
}
