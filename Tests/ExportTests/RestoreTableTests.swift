// Tests of a restore from tables in every condition that exports, backfills and other writers leave.

import Base
import TestSupport
import SQLite
import Foundation
import Iceberg
import Testing

@testable import Export
@testable import Recovery
@testable import State
@testable import Tables

@Suite struct RestoreTableTests {
    /// The history of the tables before the state was lost.
    enum Before: CaseIterable {
        case nothing, oneExport, severalExports, lateEvents, backfill, countsBehind, countsAhead, rawGone, countsGone
        /// Another program expired all snapshots of the counts table but the current one, and there are no raw rows.
        case startExpired
    }

    private func prepare(_ before: Before, _ world: World) async throws {
        guard before != .nothing else { return }
        try world.consume(World.views(60))
        try await world.export()
        guard before != .oneExport else { return }
        try world.consume(World.views(30) + [View(postcode: "E1", minute: 1, isLate: true)])
        try await world.export()
        switch before {
        case .backfill:
            #expect(try await world.backfill().events == 1)
            try await world.export()
        case .countsBehind, .countsAhead:
            let behind = before == .countsBehind ? ExportTable.counts : .raw
            let kept = world.folder.file("kept")
            try FileManager.default.copyItem(atPath: world.path(behind), toPath: kept)
            try world.consume(World.views(45))
            try await world.export()
            try FileManager.default.removeItem(atPath: world.path(behind))
            try FileManager.default.moveItem(atPath: kept, toPath: world.path(behind))
        case .startExpired:
            try await world.expireOthers(.counts)
            try FileManager.default.removeItem(atPath: world.path(.raw))
        case .rawGone: try FileManager.default.removeItem(atPath: world.path(.raw))
        case .countsGone: try FileManager.default.removeItem(atPath: world.path(.counts))
        default: break
        }
    }

    @Test(arguments: Before.allCases, [2, 3]) func aStateComesBackOrTheReasonIsNamed(
        before: Before, formatVersion: Int
    ) async throws {
        let world = try World(formatVersion: formatVersion)
        try await prepare(before, world)
        let path = world.folder.file("again.db")
        do {
            let summary = try await world.restore(to: "again.db")
            #expect(summary.proof.isEqual, "\(before): \(summary.proof.findings)")
            let restored = try StateReader(path)
            let raw = try restored.partitionSums()
            #expect(raw.map(\.consumed).reduce(0, +) == summary.rawRows)
            #expect(try restored.numberOfRows(in: .late, partition: 0) == summary.lateRows)
            switch before {
            case .countsAhead:
                #expect(summary.readAgain == [0: 45])
            case .countsBehind:
                #expect(summary.rawRows == 136 && summary.countRows > 0)
                #expect(try restored.sumOfCounts() == 135, "all raw rows are counted")
            case .countsGone: #expect(summary.countRows == 0 && summary.rawRows == 91)
            // The sources of the counts are not known: everything is consumed again from Kafka.
            case .rawGone, .startExpired: #expect(summary.readAgain == [0: 91] && summary.rawRows == 0)
            default:
                #expect(try Self.counts(restored) == (try Self.counts(StateReader(world.store.path))), "\(before)")
            }
            // No generation is negative, and every count has an exported or the new generation.
            #expect(try restored.connection.number("SELECT count(*) FROM counts WHERE generation < 0") == 0)
        } catch let error as RestoreError {
            #expect(before == .nothing, "\(before): \(error)")
            #expect(!FileManager.default.fileExists(atPath: path), "a state was left")
            #expect(!FileManager.default.fileExists(atPath: path + ".restoring"), "a part of a state was left")
        }
    }

    @Test(arguments: ["watermark", "generation", "backfilled"]) func anImpossibleNumberInASummaryIsNamed(
        key: String
    ) async throws {
        let world = try World(formatVersion: 2)
        try await prepare(.lateEvents, world)
        let folder = world.path(.counts) + "/metadata"
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".json") {
            let text = try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
            let changed = text.replacing(
                try Regex("\"pageviews.\(key)\" ?: ?\"[0-9]+\""), with: "\"pageviews.\(key)\":\"9223372036854775807\"")
            try changed.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        }
        await #expect {
            _ = try await world.restore(to: "again.db")
        } throws: { error in
            "\(error)".contains("has pageviews.\(key)=9223372036854775807, which is impossible")
        }
        #expect(!FileManager.default.fileExists(atPath: world.folder.file("again.db")), "a state was left")
        let findings = try await world.proof().findings
        #expect(findings.contains { $0.contains("has pageviews.\(key)=9223372036854775807, which is impossible") })
    }

    private static func counts(_ state: StateReader) throws -> [String] {
        try state.connection.all("SELECT window_start, postcode, count FROM counts ORDER BY 1, 2") {
            "\($0.int64(0)) \($0.string(1)) \($0.int64(2))"
        }
    }

    /// The restored state continues to export, and both tables stay equal. A counts table that is gone is made again.
    @Test(arguments: [Before.severalExports, .lateEvents, .backfill, .countsGone], [2, 3]) func exportsGoOnAfterwards(
        before: Before, formatVersion: Int
    ) async throws {
        let world = try World(formatVersion: formatVersion)
        try await prepare(before, world)
        _ = try await world.restore(to: "again.db")
        let again = try World(formatVersion: formatVersion, folder: world.folder, state: "again.db")
        try again.consume(World.views(35))
        try await again.export()
        let proof = try await again.proof()
        #expect(proof.isEqual, "\(before): \(proof.findings)")
    }
}
