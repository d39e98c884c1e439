// Several writers that plan on the same state and commit at once.
import Iceberg

enum Race {
    static func run(
        writers: Int, catalog: any Catalog, io: TableIO, table: TableIdentifier, metadata: TableMetadata
    ) async throws -> [CommitOutcome] {
        try await withThrowingTaskGroup(of: CommitOutcome.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var generator = SystemRandomNumberGenerator()
                    var change = ChangeSet()
                    change.addedDataFiles = [Views.dataFile("\(metadata.dataFolder)/w\(writer).parquet")]
                    let plan = try await io.stage(
                        change, on: metadata, identity: .random(nowMilliseconds: 1_700_000_000_000, using: &generator))
                    return await catalog.commit(table, requirements: plan.requirements, updates: plan.updates)
                }
            }
            var outcomes: [CommitOutcome] = []
            for try await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
    }
}

extension CommitOutcome {
    var isCommitted: Bool { if case .committed = self { true } else { false } }
    var isConflict: Bool { if case .conflict = self { true } else { false } }
    var isUnknown: Bool { if case .unknown = self { true } else { false } }
}
