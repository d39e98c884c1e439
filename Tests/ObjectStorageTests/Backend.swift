// The stores that the contract is held against, each with a place of its own for every test.

import Foundation
import ObjectStorage
import Testing

enum Backend: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case memory, localFolder, s3, s3VirtualHosted

    var testDescription: String { rawValue }

    /// A store and a prefix nobody else uses.
    func make() async throws -> Place {
        let prefix = "test-\(UUID().uuidString)/"
        switch self {
        case .memory: return Place(store: MemoryStore(), prefix: prefix, folder: nil)
        case .localFolder:
            let folder = try TemporaryFolder()
            return Place(store: LocalStore(root: folder.path + "/root"), prefix: prefix, folder: folder)
        case .s3: return Place(store: try await S3Server.shared.store(), prefix: prefix, folder: nil)
        case .s3VirtualHosted:
            let server = try await S3Server.shared
            return Place(store: try server.store(server.settings(pathStyle: false)), prefix: prefix, folder: nil)
        }
    }
}

struct Place: Sendable {
    let store: any ObjectStore
    let prefix: String
    let folder: TemporaryFolder?

    func key(_ name: String) -> String { prefix + name }
}

/// The kind of error that `work` throws, or nil.
func kind(_ work: () async throws -> Void) async -> ObjectStorageError.Kind? {
    do {
        try await work()
        return nil
    } catch { return (error as? ObjectStorageError)?.kind }
}
