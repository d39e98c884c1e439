// Runs the simulation: `simulate SEEDS [FIRST [STEPS]]`, or one seed with its trace: `simulate --replay SEED [FAULT,...] [STEPS]`,
// where `-` stands for the faults that the seed chooses.
// `simulate --until-failure SEEDS [FIRST [STEPS]]` ends at the first seed that fails, and does not shrink the failure.

import Foundation
import Simulation

@main
struct Simulate {
    static func main() throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first == "--replay" {
            arguments.removeFirst()
            exit(try replay(arguments))
        }
        let isBrief = arguments.first == "--until-failure"
        if isBrief { arguments.removeFirst() }
        let numbers = arguments.map { UInt64($0) }
        guard !numbers.contains(nil), numbers.count <= 3 else { return refuse(arguments.joined(separator: " ")) }
        let count = numbers.first.flatMap { $0 } ?? 100
        let first = numbers.dropFirst().first.flatMap { $0 } ?? 1
        let steps = numbers.dropFirst(2).first.flatMap { $0 }.map { Int(clamping: $0) }
        exit(try run(count: count, first: first, steps: steps, isBrief: isBrief))
    }

    /// Prints a line at once, also into a pipe.
    private static func say(_ text: String) { FileHandle.standardOutput.write(Data((text + "\n").utf8)) }

    /// Ends with what was not understood.
    private static func refuse(_ text: String) {
        FileHandle.standardError.write(Data("simulate: \(text) is not understood\n".utf8))
        exit(2)
    }

    private static var folder: String {
        let root = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        return "\(root)/pageviews-simulation-\(getpid())"
    }

    private static func replay(_ arguments: [String]) throws -> Int32 {
        var options = SimulationOptions(seed: arguments.first.flatMap { UInt64($0) } ?? 1, folder: folder)
        if arguments.count > 1, arguments[1] != "-" {
            let names = arguments[1].split(separator: ",").map(String.init)
            if let unknown = names.first(where: { Fault(rawValue: $0) == nil }) { refuse("the fault \(unknown)") }
            options.only = Set(names.compactMap { Fault(rawValue: $0) })
        }
        if arguments.count > 2 { options.steps = Int(arguments[2]) ?? options.steps }
        let result = try Simulation.run(options)
        say(result.trace.joined(separator: "\n"))
        say("seed \(result.seed): \(result.failure ?? "passed"), dump \(String(result.dump, radix: 16))")
        return result.failure == nil ? 0 : 1
    }

    private static func run(count: UInt64, first: UInt64, steps: Int?, isBrief: Bool) throws -> Int32 {
        var (failed, events, processes, ran, refused): ([UInt64], Int, Int, Int, Int) = ([], 0, 0, 0, 0)
        var faults: [Fault: Int] = [:]
        let began = Date()
        for seed in first..<first + count {
            var options = SimulationOptions(seed: seed, folder: folder)
            if let steps { options.steps = steps }
            let result = try Simulation.run(options)
            ran += 1
            events += result.events
            processes += result.processes
            if result.isRefused { refused += 1 }
            faults.merge(result.faults) { $0 + $1 }
            guard let failure = result.failure else { continue }
            failed.append(seed)
            say("seed \(seed): \(failure)")
            if isBrief { return 1 }
            let small = try Simulation.shrink(result, options)
            say("  shrunk: \(small.failure ?? "")")
            let kinds = small.kinds.map(\.rawValue).sorted().joined(separator: ",")
            say("  replay: make simulate REPLAY='\(seed) \"\(kinds)\" \(small.steps)'")
            if failed.count >= 20 { break }
        }
        let seconds = Date().timeIntervalSince(began)
        for fault in Fault.allCases {
            say("  \(fault.rawValue): \(faults[fault] ?? 0)")
        }
        let rate = Double(ran) / max(seconds, 0.001)
        say(
            """
            simulate: \(ran) seeds from \(first), \(failed.count) failed, \(refused) ended by a refused restore; \(events) events, \(processes) processes, \
            \(faults.values.reduce(0, +)) faults; \(String(format: "%.1f", rate)) seeds/s
            """)
        return failed.isEmpty ? 0 : 1
    }
}
