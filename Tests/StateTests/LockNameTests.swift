// The lock is beside the file that is opened, whatever name leads to the file.

import Foundation
import Testing

@testable import State

@Suite struct LockNameTests {
    private func folder() throws -> String {
        let path = NSTemporaryDirectory() + "pageviews-lock-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    @Test(arguments: [
        ["link", "x.db"], ["second", "x.db"], ["second", "link"], ["x.db", "second"], ["folder/x.db", "x.db"],
    ])
    func `two names of one state share one lock, also before it exists`(names: [String]) throws {
        let path = try folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let files = FileManager.default
        try files.createSymbolicLink(atPath: path + "/link", withDestinationPath: "x.db")
        try files.createSymbolicLink(atPath: path + "/second", withDestinationPath: path + "/link")
        try files.createSymbolicLink(atPath: path + "/folder", withDestinationPath: ".")
        let first = try StateLock(statePath: "\(path)/\(names[0])", holder: "the first")
        #expect(throws: StoreError.inUse(path: "\(path)/\(names[1])", holder: "the first")) {
            try StateLock(statePath: "\(path)/\(names[1])", holder: "the second")
        }
        withExtendedLifetime(first) {}
    }

    @Test(arguments: ["file:x.db", ":memory:", "?"])
    func `a name that SQLite reads otherwise is a file beside its lock`(
        name: String
    ) throws {
        let path = try folder()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let lock = try StateLock(statePath: "\(path)/\(name)", holder: "h")
        #expect(FileManager.default.fileExists(atPath: "\(path)/\(name).lock"))
        withExtendedLifetime(lock) {}
    }

    @Test(arguments: ["", "a\0b"]) func `what names no file is refused before a lock is made`(name: String) {
        #expect(throws: StoreError.cannotOpen(path: name, reason: "not a valid file name")) {
            try StateLock(statePath: name, holder: "h")
        }
    }
}
