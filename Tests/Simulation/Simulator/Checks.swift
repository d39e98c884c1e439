// What must hold after every step, and what must be equal at the end.

import Base
import Foundation
import Iceberg
import Kafka
import Parquet
import Recovery
import SQLite
import State
import TableScan
import Tables
import Windowing

/// A violated expectation.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

extension World {
    private func expect(_ condition: Bool, _ text: @autoclosure () -> String) throws {
        if !condition { throw Violation(description: text()) }
    }

    // MARK: After every step

    /// The state adds up, as another program reads it.
    func checkState(_ path: String) throws {
        let connection = try Connection(path: path, mode: .readOnly)
        try connection.setBusyTimeout(milliseconds: 1000)
        try connection.execute("BEGIN")
        defer { try? connection.execute("ROLLBACK") }
        let wrong = try connection.integer(
            "SELECT count(*) FROM partition_progress WHERE consumed <> counted + late + rejected")
        try expect(wrong == 0, "consumed is not counted + late + rejected")
        let sums =
            try connection.text(
                """
                SELECT (SELECT coalesce(sum(count), 0) FROM counts) || ' ' ||
                  (SELECT coalesce(sum(counted), 0) FROM partition_progress) || ' ' ||
                  (SELECT count(*) FROM late) || ' ' || (SELECT coalesce(sum(late), 0) FROM partition_progress) || ' ' ||
                  (SELECT count(*) FROM late WHERE backfilled_at_ms IS NOT NULL)
                """) ?? ""
        let numbers = sums.split(separator: " ").compactMap { Int64($0) }
        try expect(numbers.count == 5, "the sums cannot be read: \(sums)")
        try expect(
            numbers[0] == numbers[1] + numbers[4],
            "counts add up to \(numbers[0]), counted and backfilled events to \(numbers[1] + numbers[4])")
        try expect(numbers[2] == numbers[3], "\(numbers[2]) late rows, \(numbers[3]) late events")
    }

    // MARK: At the end

    /// Everything equals the shadow.
    func checkAll() throws {
        guard let store = process?.store else { throw Violation(description: "no process is there at the end") }
        let partitions = try store.with { try $0.progress().partitions }
        let consumed = shadow.consumed(partitions)
        let connection = try Connection(path: store.path, mode: .readOnly)
        try checkState(store.path)
        let late = try rows(connection, "SELECT kafka_partition || '/' || kafka_offset FROM late")
        let backfilled = Set(
            try rows(
                connection, "SELECT kafka_partition || '/' || kafka_offset FROM late WHERE backfilled_at_ms IS NOT NULL"
            ))
        try checkClasses(consumed, partitions, late: late, connection)
        try checkCounts(consumed, late: Set(late), backfilled: backfilled, connection)
        try checkTopic(Self.lateTopic, late, connection)
        if publishesRejected {
            let published = try rows(
                connection, "SELECT kafka_partition || '/' || kafka_offset FROM rejected WHERE payload IS NOT NULL")
            try checkTopic(Self.rejectedTopic, published, connection)
        }
        let passed = try passedOver(store.path)
        try expect(passed == nil, "\(passed ?? "") was passed over, and no incident says so")
        try executor.run { [self] in
            for table in ExportTable.allCases { try await checkFiles(of: table) }
            try await checkTables(consumed, late: Set(late), connection)
            try await checkProof(store.path)
        }
    }

    func rows(_ connection: Connection, _ sql: String) throws -> [String] {
        let statement = try connection.prepare(sql + " ORDER BY 1")
        var found: [String] = []
        while try statement.step() { found.append(statement.string(0)) }
        return found
    }

    private typealias Consumed = [(partition: PartitionID, offset: KafkaOffset, outcome: Shadow.Outcome)]

    private func checkClasses(
        _ consumed: Consumed, _ partitions: [PartitionProgress], late: [String], _ connection: Connection
    ) throws {
        guard !isRestored else { return }
        try compare(
            "offsets consumed", consumed.map { "\($0.partition)" }.counted,
            Dictionary(
                uniqueKeysWithValues: partitions.filter { $0.consumed > 0 }.map { ("\($0.partition)", $0.consumed) }))
        let rejected = try rows(connection, "SELECT kafka_partition || '/' || kafka_offset FROM rejected")
        let invalid = consumed.filter { $0.outcome.entry.event == nil }.map { "\($0.partition)/\($0.offset)" }
        try compare("rejected events", invalid.counted, rejected.counted)
        let events = consumed.filter { $0.outcome.entry.event != nil }
        if shadow.isExact {
            let expected = events.filter(\.outcome.isLate).map { "\($0.partition)/\($0.offset)" }
            try compare("late events", expected.counted, late.counted)
        } else {
            let all = Set(events.map { "\($0.partition)/\($0.offset)" })
            try expect(Set(late).isSubset(of: all), "late rows that no consumed event has")
        }
    }

    private func checkCounts(
        _ consumed: Consumed, late: Set<String>, backfilled: Set<String>, _ connection: Connection
    ) throws {
        var expected: [String: Int64] = [:]
        for (partition, offset, outcome) in consumed {
            guard let event = outcome.entry.event else { continue }
            let place = "\(partition)/\(offset)"
            if !late.contains(place) || backfilled.contains(place) { expected[key(event), default: 0] += 1 }
        }
        var found: [String: Int64] = [:]
        let statement = try connection.prepare("SELECT window_start, postcode, count FROM counts")
        while try statement.step() { found["\(statement.int64(0)) \(statement.string(1))"] = statement.int64(2) }
        // After a restore a count that only the counts table has stays at 0 when its events are late in their new order, or
        // when Kafka no longer has them.
        if isRestored { found = found.filter { $0.value > 0 } }
        try compare("counts", expected, found)
    }

    private static func text(_ strings: ByteStrings, _ row: Int) -> String {
        String(decoding: strings.bytes(row), as: UTF8.self)
    }

    private func key(_ event: SimEvent) -> String {
        let start = event.time - event.time % windows.windowMilliseconds
        return "\(start / 1000) \(event.postcode)"
    }

    /// Each row is in the topic once, with the source's bytes.
    private func checkTopic(_ topic: String, _ rows: [String], _ connection: Connection) throws {
        let logs = cluster.topics[topic]?.partitions ?? []
        var found: [String] = []
        for log in logs {
            for entry in log.entries where !entry.isControl {
                let headers = Dictionary(
                    entry.envelope.headers.map { ($0.name, String(decoding: $0.value ?? [], as: UTF8.self)) },
                    uniquingKeysWith: { $1 })
                let (partition, offset) = (headers["pageviews-partition"] ?? "", headers["pageviews-offset"] ?? "")
                found.append("\(partition)/\(offset)")
                guard let number = PartitionID(partition), let place = KafkaOffset(offset) else { continue }
                let isSource = shadow.outcomes[number]?[place]?.entry.value == entry.value
                // A lost state published it from the log that the topic had before, from the part of it that was cut since, or
                // from records that are gone since.
                let isGone = cut.contains(number) || isLossy && shadow.outcomes[number]?[place] == nil
                if !isSource, wasLost, wasRecreated || isGone {
                    found.removeLast()
                    continue
                }
                try expect(isSource, "topic \(topic): \(partition)/\(offset) has other bytes than its source")
            }
        }
        if wasLost {
            // What the lost state had published as late, the new one may count: records come in another order.
            try expect(Set(found).count == found.count, "topic \(topic) has an event twice")
            let missing = Set(rows).subtracting(found).filter { !isBeforeRestore($0) }.sorted()
            try expect(missing.isEmpty, "topic \(topic) lacks \(missing.prefix(8).joined(separator: ", "))")
        } else {
            try compare("records of topic \(topic)", rows.counted, found.counted)
        }
    }

    private func isBeforeRestore(_ place: String) -> Bool {
        let parts = place.split(separator: "/")
        guard parts.count == 2, let partition = PartitionID(String(parts[0])),
            let offset = KafkaOffset(String(parts[1]))
        else { return false }
        return offset < restoredEnds[partition] ?? 0
    }

    /// The first record below a partition's next offset that was neither consumed nor named by an incident.
    func passedOver(_ path: String) throws -> String? {
        guard !wasLost, let partitions = try process?.store?.with({ try $0.progress().partitions }) else { return nil }
        let details = try rows(Connection(path: path, mode: .readOnly), "SELECT detail FROM incident")
        let named = details.compactMap { $0.firstMatch(of: #/ partition (\d+): .*offsets (\d+) to (\d+) \(/#) }
            .map { ("\($0.1)", (Int64($0.2) ?? 0)...(Int64($0.3) ?? .max)) }
        for progress in partitions {
            // While it reads, the simulated consumer does not compare epochs as librdkafka does, and so may miss a cut.
            guard !cut.contains(progress.partition), let log = cluster.log(Self.topic, progress.partition)
            else { continue }
            let known = shadow.outcomes[progress.partition] ?? [:]
            for (entry, offset) in zip(log.entries, log.low.rawValue..<max(log.low, progress.nextOffset).rawValue) {
                let same = known[KafkaOffset(rawValue: offset)].map { $0.entry.isSame(as: entry) } ?? false
                guard !entry.isControl, !same else { continue }
                guard named.contains(where: { $0.0 == "\(progress.partition)" && $0.1.contains(offset) }) else {
                    return "the record at \(progress.partition)/\(offset)"
                }
            }
        }
        return nil
    }

    // MARK: Tables

    /// Every snapshot that a table lists can be read.
    private func checkFiles(of table: ExportTable) async throws {
        let (warehouse, settings) = (try warehouse(nil), TableSettings())
        let identifier = TableIdentifier(namespace: settings.namespace, name: settings.name(of: table))
        guard let loaded = try await warehouse.catalog.load(identifier) else { return }
        let io = TableIO(files: try warehouse.files(loaded))
        for snapshot in loaded.metadata.snapshots {
            for task in try await io.scan(snapshot, of: loaded.metadata) {
                // Other readers apply position deletes to data files of the same spec and partition only.
                for delete in task.positionDeletes {
                    try expect(
                        delete.specID == task.file.specID && delete.partition == task.file.partition,
                        "table \(table): \(delete.path) is not in the partition of \(task.file.path)")
                }
                let files = [task.file] + task.positionDeletes + (task.deletionVector.map { [$0] } ?? [])
                for file in files {
                    let exists = try await io.files.exists(file.path)
                    try expect(exists, "table \(table): snapshot \(snapshot.id) lacks \(file.path)")
                }
            }
        }
    }

    private func checkTables(_ consumed: Consumed, late: Set<String>, _ connection: Connection) async throws {
        let warehouse = try warehouse(nil)
        var counts: [String: Int64] = [:]
        try await read(.counts, warehouse, CountsBatch.self) { batch, row in
            counts["\(batch.timestamps[row] / 1_000_000) \(Self.text(batch.postcodes, row))", default: 0] +=
                batch.counts[row]
        }
        var found: [String: Int64] = [:]
        let statement = try connection.prepare("SELECT window_start, postcode, count FROM counts")
        while try statement.step() { found["\(statement.int64(0)) \(statement.string(1))"] = statement.int64(2) }
        try compare("rows of the counts table", found, counts)
        var raw: [String] = []
        try await read(.raw, warehouse, RawBatch.self) { batch, row in
            let place = "\(batch.partitions[row])/\(batch.offsets[row])"
            raw.append("\(place) \(Self.text(batch.postcodes, row)) \(batch.timestamps[row] / 1000) \(batch.late[row])")
        }
        let expected = consumed.compactMap { partition, offset, outcome -> String? in
            let place = "\(partition)/\(offset)"
            return outcome.entry.event.map { "\(place) \($0.postcode) \($0.time) \(late.contains(place))" }
        }
        if !isLossy { try compare("rows of the raw table", expected.counted, raw.counted) }
    }

    /// The places of all raw rows, as `partition/offset`.
    func rawPlaces() throws -> Set<String> {
        let isOn = faults.isOn
        faults.isOn = false
        defer { faults.isOn = isOn }
        return try executor.run { [self] in
            var places: Set<String> = []
            try await read(.raw, try warehouse(nil), RawBatch.self) { batch, row in
                places.insert("\(batch.partitions[row])/\(batch.offsets[row])")
            }
            return places
        }
    }

    private func read<Batch: RowBatch>(
        _ table: ExportTable, _ warehouse: Warehouse, _ type: Batch.Type, _ body: (Batch, Int) -> Void
    ) async throws {
        let settings = TableSettings()
        let identifier = TableIdentifier(namespace: settings.namespace, name: settings.name(of: table))
        guard let loaded = try await warehouse.catalog.load(identifier) else { return }
        let reader = TableReader(
            TableIO(files: try warehouse.files(loaded)), loaded.metadata, spoolFolder: folder + "/reading",
            uniqueName: { [self] in freshName() })
        try await reader.forEach(type, at: loaded.metadata.currentSnapshot) { batch, _ in
            for row in batch.rows { body(batch, row) }
        }
    }

    /// The product's own proof agrees.
    private func checkProof(_ path: String) async throws {
        var options = ProofOptions()
        // Control batches are offsets without a record.
        options.allowsGaps =
            cluster.topics[Self.topic]?.partitions.contains { $0.entries.contains(where: \.isControl) } ?? false
        let report = try await Proof(
            statePath: path, settings: TableSettings(), warehouse: try warehouse(nil), options: options,
            folder: folder + "/proof", uniqueName: { [self] in freshName() }, seed: 5
        ).run()
        let wrong = report.checks.filter { $0.verdict == .differs }
            .map { "\($0.name): \($0.expected), \($0.found) \($0.note ?? "")" }
        guard !isLossy else { return }
        try expect(
            wrong.isEmpty && report.findings.isEmpty,
            "proof: \((wrong + report.findings + report.differences.map { "\($0)" }).joined(separator: "; "))")
    }

    /// A state that is built from the tables counts the same.
    func checkRestore() throws {
        guard !isLossy, let store = process?.store else { return }
        let path = folder + "/restored.db"
        try restore(to: path)
        let sql = "SELECT window_start || ' ' || postcode || ' ' || count FROM counts"
        try compare(
            "counts of a restored state", try rows(Connection(path: store.path, mode: .readOnly), sql).counted,
            try rows(Connection(path: path, mode: .readOnly), sql).counted)
        // The tables tell how many late events of a key were backfilled, not which of them.
        for (what, column) in [
            ("late rows", "kafka_partition || '/' || kafka_offset"),
            ("backfilled rows", "window_start || ' ' || postcode || ' ' || (backfilled_at_ms IS NOT NULL)"),
        ] {
            let late = "SELECT \(column) FROM late"
            try compare(
                "\(what) of a restored state", try rows(Connection(path: store.path, mode: .readOnly), late).counted,
                try rows(Connection(path: path, mode: .readOnly), late).counted)
        }
    }

    /// Builds a state from the tables; no fault meets it.
    func restore(to path: String) throws {
        let (wall, isOn) = (now + wallOffset, faults.isOn)
        faults.isOn = false
        defer { faults.isOn = isOn }
        _ = try executor.run { [self] in
            try await Restore(
                statePath: path, settings: TableSettings(), windows: windows, warehouse: try warehouse(nil),
                folder: folder + "/restore", uniqueName: { self.freshName() }, seed: 5, now: wall, say: { _ in }
            ).run()
        }
    }

    // MARK: Comparing

    private func compare(_ what: String, _ expected: [String: Int64], _ found: [String: Int64]) throws {
        guard expected != found else { return }
        let keys = Set(expected.keys).union(found.keys).filter { expected[$0] != found[$0] }.sorted()
        let first = keys.prefix(8).map {
            "\($0): expected \(expected[$0].map(String.init) ?? "none"), found \(found[$0].map(String.init) ?? "none")"
        }
        throw Violation(description: "\(what): \(keys.count) differ: \(first.joined(separator: "; "))")
    }
}

extension [String] {
    /// How often each is there.
    var counted: [String: Int64] { reduce(into: [:]) { $0[$1, default: 0] += 1 } }
}
