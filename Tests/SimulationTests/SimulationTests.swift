// A slice of the simulation. `make simulate` runs more seeds.

import Foundation
import Testing

@testable import Simulation

@Suite(.serialized) struct SimulationTests {
    @Test(arguments: 1...20) func `a seed keeps every number`(seed: Int) throws {
        var options = SimulationOptions(
            seed: UInt64(seed), folder: NSTemporaryDirectory() + "/simulation-\(UUID().uuidString)")
        options.steps = 1500
        let result = try Simulation.run(options)
        #expect(result.failure == nil, "make simulate REPLAY='\(seed) \"\(kinds(result))\" 1500'")
        #expect(result.events > 100 && result.processes > 0)
    }

    /// In processes of their own: dictionaries have the same order in both.
    @Test func `the same seed gives the same trace and the same state`() throws {
        let (first, second) = (try replay(7), try replay(7))
        #expect(first.contains("dump") && first == second)
        #expect(try replay(8) != first)
    }

    private func kinds(_ result: SimulationResult) -> String {
        result.kinds.map(\.rawValue).sorted().joined(separator: ",")
    }

    private func replay(_ seed: Int) throws -> String {
        let tests = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let process = Process()
        let output = Pipe()
        process.executableURL = tests.appending(path: "simulate")
        process.arguments = ["--replay", "\(seed)"]
        process.environment = ["SWIFT_DETERMINISTIC_HASHING": "1"]
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }
}
