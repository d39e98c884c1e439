// One process at a time: the real program holds a state, and dies.

import Base
import Foundation
import State
import TestSupport
import Testing
import Windowing

@Suite("Ownership of a state")
struct OwnershipTests {
    /// The program, which the tests are built beside.
    static var program: URL {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("pageviews")
    }

    static func open(_ path: String) throws -> Store {
        try Store(path: path, settings: try WindowSettings(), holder: "a test")
    }

    @Test("another process is told who holds the state; after SIGKILL of the holder it is free and whole")
    func killed() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let process = Process()
        process.executableURL = Self.program
        // No broker answers there: it holds the state and waits.
        process.arguments = ["ingest", "--bootstrap-servers", "127.0.0.1:1", "--state", path]
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        var said = ""
        // It says that it cannot reach Kafka once the state is open.
        while !said.contains("cannot reach Kafka") {
            let data = errors.fileHandleForReading.availableData
            if data.isEmpty { break }
            said += String(decoding: data, as: UTF8.self)
        }
        #expect(said.contains("cannot reach Kafka at 127.0.0.1:1"))
        let expected = StoreError.inUse(path: path, holder: "pageviews ingest (pid \(process.processIdentifier))")
        #expect(throws: expected) { try Self.open(path) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
        #expect(try Self.open(path).progress().generation == 0)
    }

    @Test("the program itself exits 5 on a state that is held, and names the holder")
    func refused() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("state.db")
        let store = try Self.open(path)
        let process = Process()
        process.executableURL = Self.program
        process.arguments = ["ingest", "--bootstrap-servers", "127.0.0.1:1", "--state", path]
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 5)
        #expect(said.contains("state \(path) is in use by a test; stop that process first"))
        #expect(store.generation == 0)
    }
}
