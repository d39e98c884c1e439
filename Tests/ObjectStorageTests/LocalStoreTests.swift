import Foundation
import Testing

@testable import ObjectStorage

@Suite(.timeLimit(.minutes(5)))
struct LocalStoreTests {
    let folder: TemporaryFolder
    let store: LocalStore

    init() throws {
        folder = try TemporaryFolder()
        store = LocalStore(root: folder.path + "/store")
    }

    @Test(arguments: [
        "../x", "a/../../x", "..", ".", "a/./b", "/etc/passwd", "a//b", "a/", "a\u{0}b", ".storage-tmp/x",
        ".storage-tmp",
        String(repeating: "n", count: 256),
    ])
    func `keys that are no plain path are refused by every call`(key: String) async throws {
        #expect(await kind { try await store.put(key, [1]) } == .invalid)
        #expect(await kind { _ = try await store.get(key) } == .invalid)
        #expect(await kind { _ = try await store.head(key) } == .invalid)
        #expect(await kind { try await store.delete([key]) } == .invalid)
        #expect(try folder.entries().isEmpty)
    }

    @Test func `symbolic links do not lead out of the root`() async throws {
        try await store.put("a/b", [1])
        _ = try folder.write("secret", [9])
        let files = FileManager.default
        try files.createSymbolicLink(atPath: folder.path + "/store/link", withDestinationPath: folder.path)
        try files.createSymbolicLink(atPath: folder.path + "/store/file", withDestinationPath: folder.path + "/secret")
        #expect(await kind { _ = try await store.get("link/secret") } == .notFound)
        #expect(await kind { _ = try await store.get("file") } == .notFound)
        #expect(await kind { try await store.put("link/new", [1]) } != nil)
        #expect(!folder.exists("new"))
        try await store.delete(["link/secret"])
        #expect(try folder.read("secret") == [9])
        #expect(try await store.list().collect().map(\.key) == ["a/b"])
        try await store.put("file", [2])
        #expect(try folder.read("secret") == [9])
    }

    @Test func `a listing shows objects only: no unfinished files, folders, or names that are no text`() async throws {
        try await store.put("a/b", [1])
        let root = folder.path + "/store"
        try FileManager.default.createDirectory(atPath: root + "/empty", withIntermediateDirectories: true)
        _ = try folder.write("store/.storage-tmp/new-1", [1])
        let name: [CChar] = Array((root + "/bad").utf8CString.dropLast()) + [-1, 0]
        let file = try #require(fopen(name, "w"))
        fclose(file)
        #expect(try await store.list().collect().map(\.key) == ["a/b"])
        #expect(try await store.list(prefix: ".").collect().isEmpty)
        #expect(try await store.list(prefix: ".storage-tmp/").collect().isEmpty)
    }

    @Test func `nothing unfinished stays behind, after success and after failure`() async throws {
        try await store.put("a", [1])
        _ = await kind { _ = try await store.put("a", .bytes([2]), condition: .ifAbsent) }
        _ = await kind { _ = try await store.put("a", .bytes([2]), condition: .ifMatch("x")) }
        _ = await kind { _ = try await store.put("b", .file(path: "/no/such"), condition: .none) }
        _ = await kind { try await store.put("a/b", [1]) }
        #expect(try folder.entries("store/.storage-tmp").isEmpty)
    }

    @Test func `what a crashed writer left is removed, what another writes is not`() async throws {
        try await store.put("a", [1])
        _ = try folder.write("store/.storage-tmp/new-dead", [1])
        let alive = try folder.write("store/.storage-tmp/new-alive", [1])
        let held = open(alive, O_RDONLY)
        #expect(flock(held, LOCK_EX) == 0)
        try await LocalStore(root: folder.path + "/store").put("b", [1])
        #expect(try folder.entries("store/.storage-tmp") == ["new-alive"])
        close(held)
    }

    @Test func `listing a root that does not exist finds nothing`() async throws {
        #expect(try await store.list().collect().isEmpty)
        #expect(await kind { _ = try await store.get("a") } == .notFound)
        try await store.delete(["a/b"])
        #expect(try folder.entries().isEmpty)
    }

    @Test func `a full disk, a read-only folder and a name in the way have kinds of their own`() async throws {
        let expected: [(Int32, ObjectStorageError.Kind)] = [
            (ENOSPC, .diskFull), (EDQUOT, .diskFull), (EACCES, .denied), (EROFS, .denied), (ENOTDIR, .invalid),
            (EIO, .unavailable),
        ]
        for (number, kind) in expected { #expect(SystemErrors.kind(number) == kind) }
        // A full disk that every Linux has; the link is what an unfinished download would remove.
        let link = folder.path + "/full"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/dev/full")
        let memory = MemoryStore()
        for store in [store, memory] as [any ObjectStore] {
            try await store.put("a", [UInt8](repeating: 1, count: 100_000))
            #expect(await kind { _ = try await store.download("a", to: link) } == .diskFull)
        }
        #expect(folder.exists("full"))
    }

    @Test func `files lie where their keys say, readable by anyone`() async throws {
        try await store.put("data/day=2026-11-23/a.parquet", [1, 2])
        #expect(try folder.read("store/data/day=2026-11-23/a.parquet") == [1, 2])
    }

    @Test func `a reader sees the old object or the new one, never a part`() async throws {
        let sizes = [100_000, 300_000]
        try await store.put("a", [UInt8](repeating: 0, count: sizes[0]))
        let store = self.store
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for round in 1..<30 {
                    try await store.put("a", [UInt8](repeating: UInt8(round), count: sizes[round % 2]))
                }
            }
            group.addTask {
                for _ in 0..<60 {
                    let bytes = try await store.get("a").bytes
                    let first = try #require(bytes.first)
                    #expect(bytes.count == sizes[Int(first) % 2] && bytes.allSatisfy { $0 == first })
                }
            }
            try await group.waitForAll()
        }
    }
}
