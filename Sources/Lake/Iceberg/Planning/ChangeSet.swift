// The changes of one commit, before anything is written.

/// The files to add and to remove in one snapshot, and its summary.
package struct ChangeSet: Sendable, Equatable {
    /// Data files to add.
    package var addedDataFiles: [DataFile] = []
    /// Position-delete files (v2) or deletion vectors (v3) to add.
    package var addedDeleteFiles: [DataFile] = []
    /// Data files to remove, by path. The planner also removes delete files that apply only to them.
    package var removedDataFiles: Set<String> = []
    /// Delete files to remove, including replaced deletion vectors.
    package var removedDeleteFiles: Set<DataFile.Key> = []
    /// Additional entries of the snapshot's summary, which override computed ones.
    package var summary: [String: String] = [:]
    /// Table properties to set in the same commit.
    package var properties: [String: String] = [:]
    /// The snapshot's operation; nil: derived from the files. A rewrite that keeps the rows is `replace`.
    package var operation: SnapshotOperation?
    /// The data sequence number of the added data files; nil: the commit's. A rewrite uses that of the snapshot it
    /// read, so that later deletes of other writers still apply.
    package var dataSequenceNumber: Int64?

    /// No change.
    package init() {}

    /// The operation, derived from the files when not set.
    var derivedOperation: SnapshotOperation {
        if let operation { return operation }
        let adds = !addedDataFiles.isEmpty
        let removes = !removedDataFiles.isEmpty || !addedDeleteFiles.isEmpty || !removedDeleteFiles.isEmpty
        return removes ? (adds ? .overwrite : .delete) : .append
    }
}

/// The policy for merging manifests.
package struct ManifestPolicy: Sendable, Equatable {
    /// Merge manifests of one kind and spec when there would be more than this many.
    package var mergeAbove: Int
    /// The size of merged manifests, in bytes. Manifests of half this size or more are not merged.
    package var targetBytes: Int64

    /// Merges above 100 manifests into manifests of 8 MiB, the defaults of Iceberg's Java library.
    package init(mergeAbove: Int = 100, targetBytes: Int64 = 8 << 20) {
        self.mergeAbove = mergeAbove
        self.targetBytes = targetBytes
    }
}

/// The unique id and time of one attempt to commit; the caller supplies randomness and time.
package struct CommitIdentity: Sendable, Equatable {
    /// The new snapshot's id: random, positive.
    package var snapshotID: Int64
    /// A new UUID of this attempt, in lower case, for the names of its files.
    package var uuid: String
    /// The time, in milliseconds since 1970-01-01 UTC.
    package var nowMilliseconds: Int64

    /// An identity with these values.
    package init(snapshotID: Int64, uuid: String, nowMilliseconds: Int64) {
        self.snapshotID = snapshotID
        self.uuid = uuid
        self.nowMilliseconds = nowMilliseconds
    }

    /// A random identity.
    package static func random(
        nowMilliseconds: Int64, using generator: inout some RandomNumberGenerator
    ) -> CommitIdentity {
        CommitIdentity(
            snapshotID: Int64.random(in: 1...Int64.max, using: &generator), uuid: randomUUID(using: &generator),
            nowMilliseconds: nowMilliseconds)
    }

    /// The 16-byte sync marker of the attempt's Avro files: the UUID's first digits.
    var sync: [UInt8] {
        var digits = [UInt8](uuid.utf8.filter { $0 != 0x2D }.prefix(16))
        while digits.count < 16 { digits.append(0x2D) }
        return digits
    }
}

/// A random UUID (RFC 9562, version 4) in lower case.
package func randomUUID(using generator: inout some RandomNumberGenerator) -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    return [digits[0..<4], digits[4..<6], digits[6..<8], digits[8..<10], digits[10..<16]]
        .map { $0.joined() }.joined(separator: "-")
}
