// Tests of a restore with thousands of backfilled keys, whose key table grows while it is filled.

import Testing

@testable import Recovery

@Suite struct RestoreGrowthTests {
    @Test(arguments: [500, 3000]) func moreBackfilledKeysThanTheTableBeginsWithAreRestored(keys: Int) async throws {
        let world = try World()
        try world.consume((0..<keys).map { View(postcode: "P\($0)", minute: Int64($0 % 20)) })
        try world.consume((0..<keys).map { View(postcode: "P\($0)", minute: Int64($0 % 20), isLate: true) })
        try await world.export()
        let result = try await world.backfill()
        #expect(result.events == Int64(keys))
        try await world.export()
        let summary = try await world.restore(to: "again.db")
        #expect(summary.proof.isEqual)
        #expect(summary.countRows == Int64(keys))
        #expect(summary.lateRows == Int64(keys))
    }
}
