// A slice of the simulation. `make simulate` runs more seeds.

import Foundation
import Testing

@testable import Simulation

@Suite(.serialized) struct SimulationTests {
    private func run(_ seed: UInt64) throws -> SimulationResult {
        let folder = NSTemporaryDirectory() + "/simulation-\(UUID().uuidString)"
        return try Simulation.run(SimulationOptions(seed: seed, folder: folder))
    }

    @Test(arguments: 1...40) func `a seed keeps every number`(seed: Int) throws {
        let result = try run(UInt64(seed))
        #expect(result.failure == nil, "make simulate REPLAY=\(seed)")
    }

    @Test func `the same seed gives the same trace and the same state`() throws {
        let (first, second) = (try run(7), try run(7))
        #expect(first.trace == second.trace)
        #expect(first.dump == second.dump)
    }
}
