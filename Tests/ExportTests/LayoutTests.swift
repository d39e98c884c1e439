// Tests of table properties that another engine may change: partition spec, columns, sort order, data path.

import Recovery
import Export
import Base
import Foundation
import Iceberg
import TestSupport
import Testing

@testable import State
@testable import Tables

@Suite struct LayoutTests {
    /// Events in two months and two years; the sample's day is in January 2021.
    private static func views(_ count: Int) -> [View] {
        World.views(count, days: 2) + [
            View(postcode: "E1", minute: -30 * 1440), View(postcode: "E1", minute: 10 * 1440),
        ]
    }

    /// The transform's value of a timestamp text such as `2021-01-26 00:01:00+00:00`.
    private static func value(_ transform: String, _ time: String) -> String? {
        let parts = time.prefix(10).split(separator: "-").compactMap { Int($0) }
        switch transform {
        case "month": return "\((parts[0] - 1970) * 12 + parts[1] - 1)"
        case "year": return "\(parts[0] - 1970)"
        default: return nil
        }
    }

    @Test(arguments: [2, 3], ["month", "year", "none"])
    func filesHaveTheValuesOfTheCurrentSpec(formatVersion: Int, transform: String) async throws {
        let world = try World(formatVersion: formatVersion)
        for views in [100, 40] {
            try world.consume(Self.views(views))
            try await world.export()
        }
        for table in ExportTable.allCases { try world.foreign(table, "partition", "\"\(transform)\"") }
        for views in [20, 100] {
            // Deletes of rows in several files of both specs.
            try world.consume(Self.views(views))
            try await world.export()
            #expect(try world.read("duckdb") == world.counted())
        }
        let files = try #require(try world.foreign(.raw, "partitions") as? [[Any]])
        #expect(Set(files.compactMap { $0[0] as? Int }) == [0, 1])
        for file in files where file[0] as? Int == 1 {
            let values = try #require(file[1] as? [Any])
            // pyiceberg keeps a removed field of a v2 table with a null value.
            let found = values.last.map { "\($0)" }
            for time in [file[2], file[3]] { #expect(found == Self.value(transform, "\(time)"), "\(file)") }
        }
        #expect(try await world.proof().isEqual)
        try await world.exporter.maintain(dryRun: false, mayGoOn: { true }, report: { _ in })
        #expect(try world.read("duckdb") == world.counted(), "after maintenance")
        let report = try await world.proof()
        #expect(report.isEqual, "\(report.findings)")
    }

    /// Position deletes apply only to files of their own spec, so a commit that was prepared earlier keeps that spec.
    @Test func deletesThatWerePreparedBeforeTheSpecChangedApply() async throws {
        let change = Lock<(@Sendable () -> Void)?>(nil)
        let world = try World(failPoint: { step in
            guard step == "counts.prepared" else { return }
            change.withLock { change in
                change?()
                change = nil
            }
        })
        // The next commit's deletes of a day are of several files. Deletes of one file name it, whatever their spec.
        for views in [100, 40, 20] {
            try world.consume(Self.views(views))
            try await world.export()
        }
        let folder = world.path(.counts)
        change.withLock { change in
            change = {
                do { try World.foreign(folder, "partition", ["\"month\""]) } catch { Issue.record(error) }
            }
        }
        try world.consume(Self.views(100))
        try await world.export()
        #expect(try await world.metadata(.counts).defaultSpecID == 1)
        let report = try await world.proof()
        #expect(report.isEqual, "\(report.findings)")
        #expect(try world.read("duckdb") == world.counted())
        #expect(try world.read() == world.counted())
    }

    @Test(arguments: ["hour", "postcode"]) func aSpecOfWhichADayHasSeveralValuesStopsByName(spec: String) async throws {
        let world = try World()
        try world.consume(World.views(100))
        try await world.export()
        if spec == "hour" {
            try world.foreign(.counts, "partition", "\"hour\"")
        } else {
            try world.foreign(.counts, "add_partition", "\"postcode\"")
        }
        try world.consume(World.views(100))
        for error in [
            await #expect(throws: TableError.self) { try await world.exporter.check() },
            await #expect(throws: TableError.self) { try await world.export() },
        ] {
            #expect(error?.isTableChanged == true)
            let text = error?.description ?? ""
            #expect(text.contains(spec == "hour" ? "hour(timestamp)" : "identity(postcode)"), "\(text)")
            #expect(text.contains("spec 1"), "\(text)")
        }
    }

    @Test(arguments: ["moved", "added", "documented", "optional", "renamed", "dropped", "defaulted"])
    func columnsThatDoNotHinderDoNotStop(change: String) async throws {
        let world = try World()
        try world.consume(World.views(100))
        try await world.export()
        try world.foreign(.counts, "columns", "\"\(change)\"")
        try world.consume(World.views(100))
        guard ["renamed", "dropped", "defaulted"].contains(change) else {
            try await world.exporter.check()
            try await world.export()
            #expect(try world.read() == world.counted())
            return
        }
        let error = await #expect(throws: TableError.self) { try await world.export() }
        guard case .otherSchema(_, _, _, let obstacle) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(obstacle.contains(["renamed": "postcode", "dropped": "count", "defaulted": "kind"][change] ?? ""))
    }

    @Test func aSortOrderAndADataPathAreTaken() async throws {
        let world = try World()
        try world.consume(World.views(100))
        try await world.export()
        try world.foreign(.counts, "sort_order")
        let elsewhere = world.folder.file("elsewhere")
        try world.foreign(.counts, "properties", "{\"write.data.path\":\"file://\(elsewhere)\"}")
        try world.consume(World.views(100))
        try await world.export()
        #expect(try world.read() == world.counted())
        #expect(try FileManager.default.subpathsOfDirectory(atPath: elsewhere).contains { $0.hasSuffix(".parquet") })
        #expect(try await world.proof().isEqual)
    }

    enum Lie: CaseIterable { case partition, lowerTime, upperTime, lowerCount, upperPostcode }

    @Test(arguments: Lie.allCases) func proofHoldsEntriesAgainstRows(lie: Lie) async throws {
        let world = try World()
        try world.consume(World.views(100))
        try await world.export()
        #expect(try await world.proof().isEqual)
        try await world.forgeEntry { file in
            switch lie {
            case .partition: file.partition = [.int(612)]
            case .lowerTime: file.metrics.lowerBounds[2] = Literal.long((World.start + 60_000) * 1000).binary
            case .upperTime: file.metrics.upperBounds[2] = Literal.long(World.start * 1000).binary
            case .lowerCount: file.metrics.lowerBounds[3] = Literal.long(2).binary
            case .upperPostcode: file.metrics.upperBounds[1] = Array("E8".utf8)
            }
        }
        let report = try await world.proof()
        #expect(!report.isEqual)
        #expect(report.findings.count == 1, "\(report.findings)")
        #expect(report.findings.first?.contains(lie == .partition ? "timestamp_day is 612" : "bound of") == true)
    }
}
