// Lists one page of a folder tree in the order of the keys' bytes. Skips folders that cannot contain a wanted key.

import Glibc

struct FolderWalk {
    private let prefix: String
    private let after: String?
    private let limit: Int
    private var found: [ObjectInfo] = []

    init(prefix: String, after: String?, limit: Int) {
        self.prefix = prefix
        self.after = after
        self.limit = limit
    }

    /// Walks from the root; a missing root is empty.
    mutating func run(root: String) throws(SystemFailure) -> ListPage {
        do throws(SystemFailure) {
            try visit(try Folders.open(root: root, creating: false), path: "")
        } catch {
            if error.number != ENOENT { throw error }
        }
        let isLast = found.count <= limit
        if !isLast { found.removeLast() }
        return ListPage(objects: found, continuation: isLast ? nil : found.last?.key)
    }

    private var isFull: Bool { found.count > limit }

    private mutating func visit(_ folder: borrowing Descriptor, path: String) throws(SystemFailure) {
        for entry in try Folders.entries(folder) where !isFull {
            let key = path + entry.name
            if entry.isFolder {
                if mayHoldWanted(key + "/") { try descend(folder, entry.name, path: key + "/") }
            } else if key.hasBytePrefix(prefix), after.map({ $0.precedesInBytes(key) }) ?? true {
                found.append(LocalStore.info(key, entry.info))
            }
        }
    }

    private mutating func descend(
        _ folder: borrowing Descriptor, _ name: String, path: String
    ) throws(SystemFailure) {
        do throws(SystemFailure) {
            try visit(try Folders.child(of: folder, name, creating: false), path: path)
        } catch {
            if error.number != ENOENT { throw error }  // removed while walking
        }
    }

    private func mayHoldWanted(_ path: String) -> Bool {
        if path == KeyRules.temporaryFolder + "/" || path.utf8.count > KeyRules.maximumBytes { return false }
        guard path.hasBytePrefix(prefix) || prefix.hasBytePrefix(path) else { return false }
        guard let after else { return true }
        return !path.precedesInBytes(after) || after.hasBytePrefix(path)
    }
}
