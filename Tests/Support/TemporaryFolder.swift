// A separate temporary folder for each test.

import Foundation

/// A folder that is removed with this object.
package final class TemporaryFolder {
    /// The folder's path, without a trailing slash.
    package let path: String

    /// Creates the folder.
    /// - Throws: Foundation's error when the system's temporary folder is not writable.
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
