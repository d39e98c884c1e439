// A slice of the simulation. `make simulate` runs more seeds.

import Foundation
import Testing

@testable import Simulation

/// The simulation runs in processes of its own, because only then do dictionaries have the same order in every run.
@Suite(.serialized) struct SimulationTests {
    @Test(arguments: [1, 11]) func `a seed keeps every number`(first: Int) throws {
        let result = try simulate(["10", "\(first)", "1500"])
        #expect(result.code == 0, "\(result.output)")
        #expect(result.output.contains("simulate: 10 seeds from \(first), 0 failed,"))
        for fault in [Fault.kill, .powerCut, .writeFails, .brokerAway, .storeAfter, .leaderChange] {
            #expect(!result.output.contains("  \(fault.rawValue): 0\n"), "\(fault) never occurred")
        }
    }

    @Test func `the same seed gives the same trace and the same state`() throws {
        let (first, second) = (try simulate(["--replay", "7"]), try simulate(["--replay", "7"]))
        #expect(first.output.contains("dump") && first.output == second.output)
        #expect(try simulate(["--replay", "8"]).output != first.output)
    }

    private func simulate(_ arguments: [String]) throws -> (code: Int32, output: String) {
        let tests = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let process = Process()
        let output = Pipe()
        process.executableURL = tests.appending(path: "simulate")
        process.arguments = arguments
        // With the options of a sanitizer, where one runs.
        process.environment = ProcessInfo.processInfo.environment.merging(["SWIFT_DETERMINISTIC_HASHING": "1"]) { $1 }
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }
}
