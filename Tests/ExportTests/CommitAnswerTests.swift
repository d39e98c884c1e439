// Tests of commits whose effect and answer differ: the table ends with every row once.
//
// Effect and answer vary independently, as proxies, timeouts and restarts of a catalog cause.

import Iceberg
import Testing

@testable import Export
@testable import Recovery
@testable import State
@testable import Tables

@Suite struct CommitAnswerTests {
    /// The catalog's answer to a commit.
    enum Answer: CaseIterable {
        /// Applied, with the resulting table.
        case committed
        /// Applied, without the table.
        case committedUnseen
        /// Another writer was first.
        case conflict
        /// The outcome is unknown.
        case unknown
        /// Certainly not applied.
        case failed

        func outcome(_ loaded: LoadedTable?) -> CommitOutcome {
            switch self {
            case .committed: .committed(loaded)
            case .committedUnseen: .committed(nil)
            case .conflict: .conflict("another writer was first")
            case .unknown: .unknown("no answer")
            case .failed: .failed(CatalogError(.unavailable, "the catalog is away"))
            }
        }
    }

    private struct Case: CustomStringConvertible, Sendable {
        let table: ExportTable
        let answer: Answer
        let isApplied: Bool
        let formatVersion: Int

        var description: String { "\(table) \(answer) \(isApplied ? "applied" : "not applied") v\(formatVersion)" }

        /// Answering `failed` to an applied commit breaks the protocol: the error means that nothing was changed.
        var isHonest: Bool { !(answer == .failed && isApplied) }
    }

    private static let cases: [Case] = ExportTable.allCases.flatMap { table in
        Answer.allCases.flatMap { answer in
            [true, false].flatMap { isApplied in
                [2, 3].map { Case(table: table, answer: answer, isApplied: isApplied, formatVersion: $0) }
            }
        }
    }.filter(\.isHonest)

    /// A world's catalog that answers one commit of a table differently.
    private final class Answering: @unchecked Sendable {
        var catalog: InterposedCatalog?

        func arm(_ one: Case) {
            catalog?.next { [self] inner, identifier, requirements, updates in
                guard identifier.name == ExportSettings(spoolFolder: "").tables.name(of: one.table) else {
                    arm(one)
                    return nil
                }
                guard one.isApplied else { return one.answer.outcome(nil) }
                let done = await inner.commit(identifier, requirements: requirements, updates: updates)
                guard case .committed(let loaded) = done else { return done }
                return one.answer.outcome(loaded)
            }
        }
    }

    @Test(arguments: cases.indices) func everyRowIsThereOnce(index: Int) async throws {
        let one = Self.cases[index]
        let answering = Answering()
        let world = try World(
            formatVersion: one.formatVersion,
            catalog: { inner in
                let catalog = InterposedCatalog(inner)
                answering.catalog = catalog
                return catalog
            })
        try world.consume(World.views(40))
        try await world.export()
        try world.consume(World.views(60))
        answering.arm(one)
        var failure: (any Error)?
        do { try await world.export() } catch { failure = error }
        #expect((failure != nil) == (one.answer == .failed), "\(one): \(failure.map { "\($0)" } ?? "no error")")
        // Open commits are finished, and later events are exported.
        try world.consume(World.views(25))
        try await world.export()
        let proof = try await world.proof()
        #expect(proof.isEqual, "\(one): \(proof.findings)")
        for table in ExportTable.allCases {
            let metadata = try await world.metadata(table)
            let ledger = try world.store.with { try $0.position(of: table) }
            #expect(ledger.openCommitID == nil && metadata.properties[Mark.epoch] == "\(ledger.epoch)", "\(one)")
            let ids = metadata.snapshots.compactMap { $0.summary[Mark.commitID] }
            #expect(Set(ids).count == ids.count, "\(one): a commit is there twice")
            #expect(ids.last == ledger.commitID, "\(one)")
        }
        let records = try world.store.with { try $0.newestExports(limit: 100) }
        #expect(records.allSatisfy { $0.state == "committed" }, "\(one): \(records)")
    }
}
