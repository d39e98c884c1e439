// What earlier runs and versions left behind: the state's stored JSON, the heartbeat, the credentials file.

import Foundation
import Health
import State

@testable import ObjectStorage

extension FuzzTarget {
    /// Stored JSON that is read is written as JSON that means the same.
    static let intent = FuzzTarget("intent", longest: 2048) { bytes in
        let data = Data(bytes)
        if let intent = try? JSONDecoder().decode(Intent.self, from: data) {
            let written = try JSONEncoder().encode(intent)
            try require(try JSONDecoder().decode(Intent.self, from: written) == intent, "another intent")
        }
        if let segment = try? JSONDecoder().decode(Segment.self, from: data) {
            let written = try JSONEncoder().encode(segment)
            try require(try JSONDecoder().decode(Segment.self, from: written) == segment, "another segment")
        }
        if let health = HealthFile.parse(data) { _ = try JSONEncoder().encode(health) }
        let text = String(decoding: bytes, as: UTF8.self)
        do throws(ObjectStorageError) {
            _ = try SharedCredentialsFile.parse(text, profile: "default", path: "credentials")
        } catch { try requireLine(error) }
    }
}
