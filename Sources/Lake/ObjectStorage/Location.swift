// Locations of data: `file:///folder/name` or `s3://bucket/key`. Paths and keys are used byte for byte, without
// percent-decoding, as Iceberg's readers do.

/// An absolute location in a local folder tree or an S3 bucket.
package struct Location: Sendable, Hashable, CustomStringConvertible {
    /// The kind of store.
    package enum Store: Sendable, Hashable {
        /// The local file system.
        case local
        /// An S3 bucket.
        case s3(bucket: String)
    }

    /// The kind of store.
    package let store: Store
    /// The key in the bucket, or the path without its leading slash. Has no trailing slash; empty for the root.
    package let key: String

    /// A location from its parts, without the key's trailing slashes.
    package init(store: Store, key: String) {
        self.store = store
        var bytes = Array(key.utf8)
        while bytes.last == 0x2F { bytes.removeLast() }
        self.key = String(decoding: bytes, as: UTF8.self)
    }

    /// Parses `file:///path`, `file:/path`, `/path` or `s3://bucket/key` (also `s3a`, `s3n`).
    /// - Throws: `invalid` for another scheme, a malformed bucket name, or a path with a NUL byte or a part that is
    ///   empty, `.` or `..`.
    package init(_ text: String) throws(ObjectStorageError) {
        for scheme in ["s3://", "s3a://", "s3n://"] where text.hasBytePrefix(scheme) {
            self = try Self.s3(text, rest: Self.dropping(scheme, from: text))
            return
        }
        for scheme in ["file://localhost/", "file:///", "file:/", "/"] where text.hasBytePrefix(scheme) {
            self = try Self.local(text, rest: Self.dropping(scheme, from: text))
            return
        }
        throw Self.invalid(text, "a location looks like file:///folder or s3://bucket/prefix")
    }

    /// The location as text: `file:///path` or `s3://bucket/key`.
    package var description: String {
        switch store {
        case .local: "file:///\(key)"
        case .s3(let bucket): key.isEmpty ? "s3://\(bucket)" : "s3://\(bucket)/\(key)"
        }
    }

    /// The location of `part` below this one.
    package func appending(_ part: String) -> Location {
        Location(store: store, key: key.isEmpty ? part : "\(key)/\(part)")
    }

    /// The key of `other` relative to this location; empty when they are equal, nil when `other` is outside.
    package func relativeKey(of other: Location) -> String? {
        guard store == other.store else { return nil }
        if key.isEmpty || key.hasSameBytes(as: other.key) {
            return key.isEmpty ? other.key : ""
        }
        return other.key.hasBytePrefix(key + "/") ? Self.dropping(key + "/", from: other.key) : nil
    }

    /// Compares bytes. String equality would treat canonically equivalent text as equal.
    package static func == (left: Location, right: Location) -> Bool {
        left.store == right.store && left.key.hasSameBytes(as: right.key)
    }

    /// Hashes bytes, consistent with equality.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(store)
        for byte in key.utf8 { hasher.combine(byte) }
    }

    /// The absolute path of a local location, or nil.
    package var path: String? { store == .local ? "/" + key : nil }

    private static func s3(_ text: String, rest: String) throws(ObjectStorageError) -> Location {
        let parts = rest.utf8.split(separator: 0x2F, maxSplits: 1, omittingEmptySubsequences: false)
        let bucket = String(decoding: parts[0], as: UTF8.self)
        let isName = bucket.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte)
                || byte == 0x2D || byte == 0x2E || byte == 0x5F
        }
        guard !bucket.isEmpty, isName, bucket.utf8.count <= 255 else {
            throw invalid(text, "the bucket name is malformed")
        }
        let key = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        return Location(store: .s3(bucket: bucket), key: key)
    }

    private static func local(_ text: String, rest: String) throws(ObjectStorageError) -> Location {
        let location = Location(store: .local, key: rest)
        let parts = KeyRules.pathComponents(location.key)
        if !location.key.isEmpty, parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) {
            throw invalid(text, "the path has a part that is empty, . or ..")
        }
        if location.key.utf8.contains(0) { throw invalid(text, "the path contains a NUL byte") }
        return location
    }

    private static func dropping(_ prefix: String, from text: String) -> String {
        String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    private static func invalid(_ text: String, _ detail: String) -> ObjectStorageError {
        ObjectStorageError(kind: .invalid, operation: "open", object: text, detail: detail)
    }
}
