// A folder of its own for one test.

import Foundation

/// A folder that exists as long as this object.
package final class TemporaryFolder {
    /// The folder's path, without a slash at the end.
    package let path: String

    /// Makes the folder.
    /// - Throws: when the system's temporary folder cannot be written.
    package init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("pageviews-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in the folder.
    package func file(_ name: String) -> String { path + "/" + name }
}
