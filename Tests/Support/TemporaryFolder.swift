// A folder of its own for one test.

internal import Foundation

/// A folder that exists as long as this object.
public final class TemporaryFolder {
    /// The folder's path, without a slash at the end.
    public let path: String

    /// Makes the folder.
    /// - Throws: when the system's temporary folder cannot be written.
    public init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("pageviews-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of a file in the folder.
    public func file(_ name: String) -> String { path + "/" + name }
}
