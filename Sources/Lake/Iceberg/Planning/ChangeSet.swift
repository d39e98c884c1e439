// What one commit is to change, before anything is written.

/// The files to add and to remove in one snapshot, and what to say of it.
package struct ChangeSet: Sendable, Equatable {
    /// Data files to add.
    package var addedDataFiles: [DataFile] = []
    /// Position-delete files (v2) or deletion vectors (v3) to add.
    package var addedDeleteFiles: [DataFile] = []
    /// Data files to remove, by path. Deletes that are only of them are removed with them.
    package var removedDataFiles: Set<String> = []
    /// Delete files to remove; a deletion vector that is replaced is one.
    package var removedDeleteFiles: Set<DataFile.Key> = []
    /// Entries of the snapshot's summary.
    package var summary: [String: String] = [:]
    /// Table properties to set in the same commit.
    package var properties: [String: String] = [:]
    /// What the snapshot is called; nil: what the files say. A rewrite that keeps the rows is `replace`.
    package var operation: SnapshotOperation?
    /// The data sequence number of the added data files; nil: the commit's. A rewrite that must stay below deletes of
    /// other writers gives the one of the snapshot it read.
    package var dataSequenceNumber: Int64?

    /// No change.
    package init() {}

    /// What the files say.
    var derivedOperation: SnapshotOperation {
        if let operation { return operation }
        let adds = !addedDataFiles.isEmpty
        let removes = !removedDataFiles.isEmpty || !addedDeleteFiles.isEmpty || !removedDeleteFiles.isEmpty
        return removes ? (adds ? .overwrite : .delete) : .append
    }
}

/// When manifests are merged, and how large they get.
package struct ManifestPolicy: Sendable, Equatable {
    /// Manifests of one kind and spec are merged when there would be more than this many.
    package var mergeAbove: Int
    /// A manifest of half this size or more is left alone.
    package var targetBytes: Int64

    /// Merges above 100 manifests into ones of 8 MiB, as Iceberg's other writers do.
    package init(mergeAbove: Int = 100, targetBytes: Int64 = 8 << 20) {
        self.mergeAbove = mergeAbove
        self.targetBytes = targetBytes
    }

    /// Merges every small manifest.
    package static let mergeAll = ManifestPolicy(mergeAbove: 1)
}

/// What makes the names of a commit's files unique; randomness and time are the caller's.
package struct CommitIdentity: Sendable, Equatable {
    /// The new snapshot's id: random, positive.
    package var snapshotID: Int64
    /// A fresh UUID of this try, lower case; the names of its files carry it.
    package var uuid: String
    /// The time, milliseconds since 1970-01-01 UTC.
    package var nowMilliseconds: Int64

    /// An identity of one try.
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

    /// 16 bytes for the sync markers of Avro files: the UUID's own digits.
    var sync: [UInt8] {
        var digits = [UInt8](uuid.utf8.filter { $0 != 0x2D }.prefix(16))
        while digits.count < 16 { digits.append(0x2D) }
        return digits
    }
}

/// A version 4 UUID in lower case.
package func randomUUID(using generator: inout some RandomNumberGenerator) -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
    bytes[6] = bytes[6] & 0x0F | 0x40
    bytes[8] = bytes[8] & 0x3F | 0x80
    let digits = bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
    return [digits[0..<4], digits[4..<6], digits[6..<8], digits[8..<10], digits[10..<16]]
        .map { $0.joined() }.joined(separator: "-")
}
