// Folders by descriptor. Keys are resolved one part at a time with O_NOFOLLOW below the root's descriptor, so neither a
// key nor a symbolic link inside the root leads out of it.

import Glibc

enum Folders {
    private static let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC

    /// Opens the root; `creating` first creates it and its parents. The root itself may be a symbolic link.
    static func open(root: String, creating: Bool) throws(SystemFailure) -> Descriptor {
        let number = Glibc.open(root, flags)
        if number >= 0 || errno != ENOENT || !creating { return try Descriptor(number, "opening \(root)") }
        let parts = root.utf8.split(separator: 0x2F).map { String(decoding: $0, as: UTF8.self) }
        var folder = try Descriptor(Glibc.open("/", flags), "opening /")
        for part in parts { folder = try child(of: folder, part, creating: true, extraFlags: 0) }
        return folder
    }

    /// Opens the folder `parts` below the root; `creating` durably creates what is missing.
    static func open(
        root: String, _ parts: ArraySlice<String>, creating: Bool
    ) throws(SystemFailure) -> Descriptor {
        var folder = try open(root: root, creating: creating)
        for part in parts { folder = try child(of: folder, part, creating: creating, extraFlags: O_NOFOLLOW) }
        return folder
    }

    /// Opens a subfolder; `creating` creates it when missing and synchronises its parent.
    static func child(
        of folder: borrowing Descriptor, _ name: String, creating: Bool, extraFlags: Int32 = O_NOFOLLOW
    ) throws(SystemFailure) -> Descriptor {
        let number = openat(folder.number, name, flags | extraFlags)
        if number >= 0 || errno != ENOENT || !creating { return try Descriptor(number, "opening folder \(name)") }
        guard mkdirat(folder.number, name, 0o755) == 0 || errno == EEXIST else {
            throw .last("creating folder \(name)")
        }
        try LocalFiles.synchronize(folder: folder)
        return try Descriptor(openat(folder.number, name, flags | extraFlags), "opening folder \(name)")
    }

    /// A regular file or a folder within a folder.
    struct Entry {
        var name: String
        var isFolder: Bool
        var info: stat
    }

    /// The regular files and folders in a folder, in the order of their keys' bytes: a folder sorts as if its name
    /// ended in a slash. Skips symbolic links and names that are not UTF-8, which no key can name.
    static func entries(_ folder: borrowing Descriptor) throws(SystemFailure) -> [Entry] {
        let copy = openat(folder.number, ".", flags)  // closedir closes it
        guard copy >= 0, let stream = fdopendir(copy) else { throw .last("reading a folder") }
        defer { closedir(stream) }
        var found: [Entry] = []
        while let entry = readdir(stream) {
            guard let name = name(of: entry), name != ".", name != ".." else { continue }
            var info = stat()
            guard fstatat(folder.number, name, &info, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            let type = info.st_mode & S_IFMT
            guard type == S_IFREG || type == S_IFDIR else { continue }
            found.append(Entry(name: name, isFolder: type == S_IFDIR, info: info))
        }
        return found.sorted { sortKey($0).precedesInBytes(sortKey($1)) }
    }

    private static func sortKey(_ entry: Entry) -> String { entry.isFolder ? entry.name + "/" : entry.name }

    private static func name(of entry: UnsafeMutablePointer<dirent>) -> String? {
        withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
        }
    }
}
