// Which keys a store accepts. Object stores take nearly any text; a folder takes what names a file beneath it.

enum KeyRules {
    /// The folder that holds unfinished files of a LocalStore; no key may name it.
    static let temporaryFolder = ".storage-tmp"
    static let maximumBytes = 1024

    /// What is wrong with a key everywhere, or nil.
    static func defect(_ key: String) -> String? {
        if key.isEmpty { return "the key is empty" }
        if key.utf8.count > maximumBytes { return "the key is longer than 1024 bytes" }
        return nil
    }

    /// What is wrong with a key as a path beneath a folder, or nil.
    ///
    /// Only plain components are allowed, so a key can neither leave its root nor have two spellings.
    static func pathDefect(_ key: String) -> String? {
        if let defect = defect(key) { return defect }
        if key.utf8.contains(0) { return "the key holds a NUL byte" }
        let components = pathComponents(key)
        if components.contains(where: { $0.isEmpty }) { return "the key has an empty part" }
        if components.contains(where: { $0 == "." || $0 == ".." }) { return "the key has a part . or .." }
        if components.contains(where: { $0.utf8.count > 255 }) { return "a part of the key is longer than 255 bytes" }
        if components[0] == temporaryFolder { return "\(temporaryFolder) is the store's own" }
        return nil
    }

    /// The parts between slashes, empty ones included. Splits bytes, not characters: a slash followed by a combining
    /// mark is still a slash to the system.
    static func pathComponents(_ key: String) -> [String] {
        key.utf8.split(separator: 0x2F, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension String {
    /// Whether the UTF-8 bytes start with those of `prefix`; String's own test would equate different spellings.
    func hasBytePrefix(_ prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

    /// Whether both have the same UTF-8 bytes.
    func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// Order by UTF-8 bytes, as S3 lists.
    func precedesInBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
