// The keys that stores accept. An object store takes almost any text; a folder only keys that name a file below it.

enum KeyRules {
    /// The folder for the unfinished files of a LocalStore; reserved, so no key may begin with it.
    static let temporaryFolder = ".storage-tmp"
    /// Longest key, in UTF-8 bytes.
    static let maximumBytes = 1024

    /// What makes a key invalid in every store; nil when it is valid.
    static func defect(_ key: String) -> String? {
        if key.isEmpty { return "the key is empty" }
        if key.utf8.count > maximumBytes { return "the key is longer than \(maximumBytes) bytes" }
        return nil
    }

    /// What makes a key invalid as a path below a folder; nil when it is valid.
    ///
    /// Empty parts, `.` and `..` are invalid, so a key cannot leave its root and has one spelling.
    static func pathDefect(_ key: String) -> String? {
        if let defect = defect(key) { return defect }
        if key.utf8.contains(0) { return "the key contains a NUL byte" }
        let components = pathComponents(key)
        if components.contains(where: { $0.isEmpty }) { return "the key has an empty part" }
        if components.contains(where: { $0 == "." || $0 == ".." }) { return "the key has a part . or .." }
        if components.contains(where: { $0.utf8.count > 255 }) { return "a part of the key is longer than 255 bytes" }
        if components[0] == temporaryFolder { return "\(temporaryFolder) is reserved for the store" }
        return nil
    }

    /// The parts between slashes, including empty ones. Splits bytes, not characters: to the system a slash before a
    /// combining mark is still a slash.
    static func pathComponents(_ key: String) -> [String] {
        key.utf8.split(separator: 0x2F, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension String {
    /// Whether the UTF-8 bytes start with those of `prefix`. `String.hasPrefix` would treat canonically equivalent text
    /// as equal.
    func hasBytePrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether both strings have the same UTF-8 bytes.
    func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// Whether this sorts before `other` by UTF-8 bytes, the order of S3's listings.
    func precedesInBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
