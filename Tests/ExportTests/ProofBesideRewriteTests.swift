// Tests of a proof beside a service that rewrites files: between two transactions of the state, some rows of the ledger
// have their old and some their new positions.

import TestSupport
import Base
import Foundation
import Testing

@testable import Export
@testable import Recovery
@testable import State
@testable import Tables

@Suite struct ProofBesideRewriteTests {
    /// Copies the state at a step, as a reader would see it.
    private final class Copies: Sendable {
        private let folder = Lock<String>("")
        func set(_ path: String) { folder.withLock { $0 = path } }
        func take() {
            let folder = folder.withLock { $0 }
            for suffix in ["", "-wal"] {
                try? FileManager.default.copyItem(
                    atPath: "\(folder)/state.db\(suffix)", toPath: "\(folder)/seen.db\(suffix)")
            }
        }
    }

    /// - Parameter moved: number of ledger rows that were moved before the proof.
    @Test(arguments: [2, 3], [0, 7, 10_000]) func rowsAreFoundOnEitherSide(formatVersion: Int, moved: Int) async throws
    {
        let copies = Copies()
        let world = try World(
            formatVersion: formatVersion,
            failPoint: { if $0 == "counts.rewrite.committed" { copies.take() } })
        copies.set(world.folder.path)
        for views in [60, 40, 25] {
            try world.consume(World.views(views))
            try await world.export()
        }
        try await world.exporter.maintain(dryRun: false, mayGoOn: { true }, report: { _ in })
        let path = world.folder.file("seen.db")
        let rows = try {
            let seen = try Store(path: path, settings: try World.windows(), holder: "a test")
            #expect(try seen.intent(of: .counts)?.isRewrite == true)
            if moved > 0 { _ = try seen.moveExported(after: nil, limit: moved) }
            return try seen.numberOfExportedRows()
        }()
        #expect(rows > 7)
        let proof = try await Proof(
            statePath: path, settings: world.settings.tables, warehouse: world.warehouse, options: ProofOptions(),
            folder: world.folder.file("proof"), uniqueName: { UUID().uuidString }, seed: 5
        ).run()
        #expect(proof.isEqual, "\(proof.checks.filter { $0.verdict == .differs }.map(\.name)) \(proof.findings)")
        #expect(try await world.proof().isEqual)
    }
}
