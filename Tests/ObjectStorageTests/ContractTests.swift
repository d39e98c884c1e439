// What every store promises, held against each of them.

import Foundation
import ObjectStorage
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ContractTests {
    @Test(arguments: Backend.allCases)
    func `what is put is got, and head and list agree`(backend: Backend) async throws {
        let place = try await backend.make()
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let put = try await place.store.put(place.key("a/b.bin"), bytes)
        let got = try await place.store.get(place.key("a/b.bin"))
        #expect(got.bytes == bytes)
        #expect(put.size == 100_000 && got.info.size == 100_000)
        let head = try await place.store.head(place.key("a/b.bin"))
        #expect(head.size == 100_000)
        #expect(head.etag == put.etag && got.info.etag == put.etag && !put.etag.isEmpty)
        let listed = try await place.store.list(prefix: place.prefix).collect()
        #expect(listed.map(\.key) == [place.key("a/b.bin")])
        #expect(listed.first?.size == 100_000)
        #expect(listed.first?.etag == put.etag)
    }

    @Test(arguments: Backend.allCases)
    func `an empty object is an object`(backend: Backend) async throws {
        let place = try await backend.make()
        try await place.store.put(place.key("empty"), [])
        #expect(try await place.store.get(place.key("empty")).bytes.isEmpty)
        #expect(try await place.store.head(place.key("empty")).size == 0)
        #expect(try await place.store.get(place.key("empty"), range: .suffix(10)).bytes.isEmpty)
        #expect(await kind { _ = try await place.store.get(place.key("empty"), range: .slice(0..<1)) } == .invalid)
    }

    @Test(arguments: Backend.allCases)
    func `a put replaces, with a new entity tag`(backend: Backend) async throws {
        let place = try await backend.make()
        let first = try await place.store.put(place.key("a"), [1])
        let second = try await place.store.put(place.key("a"), [2])
        #expect(try await place.store.get(place.key("a")).bytes == [2])
        #expect(first.etag != second.etag)
    }

    @Test(arguments: Backend.allCases)
    func `ranges are half open, cut at the end, and not past it`(backend: Backend) async throws {
        let place = try await backend.make()
        let bytes = (0..<200).map { UInt8($0) }
        let key = place.key("a")
        try await place.store.put(key, bytes)
        let good: [(ByteRange, ArraySlice<UInt8>)] = [
            (.slice(0..<1), bytes[0..<1]), (.slice(10..<20), bytes[10..<20]), (.slice(199..<200), bytes[199..<200]),
            (.slice(150..<100_000), bytes[150...]), (.suffix(8), bytes[192...]), (.suffix(100_000), bytes[...]),
        ]
        for (range, expected) in good {
            let got = try await place.store.get(key, range: range)
            #expect(got.bytes == Array(expected), "\(range)")
            #expect(got.info.size == 200)
        }
        for range in [ByteRange.slice(200..<201), .slice(500..<600), .slice(5..<5), .suffix(0)] {
            #expect(await kind { _ = try await place.store.get(key, range: range) } == .invalid, "\(range)")
        }
    }

    @Test(arguments: Backend.allCases)
    func `what is not there is not found, and deleting it is no error`(backend: Backend) async throws {
        let place = try await backend.make()
        #expect(await kind { _ = try await place.store.get(place.key("x/y")) } == .notFound)
        #expect(await kind { _ = try await place.store.head(place.key("x/y")) } == .notFound)
        let folder = try TemporaryFolder()
        #expect(
            await kind { _ = try await place.store.download(place.key("x/y"), to: folder.path + "/f") } == .notFound)
        #expect(!folder.exists("f"))
        #expect(try await !place.store.exists(place.key("x/y")))
        try await place.store.delete([place.key("x/y"), place.key("z")])
        try await place.store.delete([])
        #expect(try await place.store.list(prefix: place.prefix).collect().isEmpty)
        try await place.store.put(place.key("a/b"), [1])
        #expect(await kind { _ = try await place.store.get(place.key("a")) } == .notFound)
        #expect(await kind { _ = try await place.store.get(place.key("a/b/c")) } == .notFound)
    }

    @Test(arguments: Backend.allCases)
    func `a put if absent never replaces`(backend: Backend) async throws {
        let place = try await backend.make()
        let key = place.key("v1.json")
        _ = try await place.store.put(key, .bytes([1]), condition: .ifAbsent)
        #expect(
            await kind { _ = try await place.store.put(key, .bytes([2]), condition: .ifAbsent) } == .preconditionFailed)
        // Not even with the same bytes: nothing was unknown here.
        #expect(
            await kind { _ = try await place.store.put(key, .bytes([1]), condition: .ifAbsent) } == .preconditionFailed)
        #expect(try await place.store.get(key).bytes == [1])
        try await place.store.delete([key])
        _ = try await place.store.put(key, .bytes([3]), condition: .ifAbsent)
        #expect(try await place.store.get(key).bytes == [3])
    }

    @Test(arguments: Backend.allCases)
    func `of many puts if absent at once exactly one wins, and its bytes stay`(backend: Backend) async throws {
        let place = try await backend.make()
        let key = place.key("v2.json")
        let winners = await withTaskGroup(of: UInt8?.self) { group in
            for writer in UInt8(0)..<20 {
                group.addTask {
                    let bytes = ObjectBody.bytes([UInt8](repeating: writer, count: 5000))
                    let outcome = await kind { _ = try await place.store.put(key, bytes, condition: .ifAbsent) }
                    if outcome != nil { #expect(outcome == .preconditionFailed) }
                    return outcome == nil ? writer : nil
                }
            }
            return await group.reduce(into: [UInt8]()) { if let winner = $1 { $0.append(winner) } }
        }
        #expect(winners.count == 1)
        #expect(try await place.store.get(key).bytes == [UInt8](repeating: winners.first ?? 255, count: 5000))
    }

    @Test(arguments: Backend.allCases)
    func `a put if match is a compare and swap`(backend: Backend) async throws {
        let place = try await backend.make()
        let key = place.key("hint")
        let absent = await kind { _ = try await place.store.put(key, .bytes([0]), condition: .ifMatch("\"x\"")) }
        #expect(absent == .preconditionFailed)
        let first = try await place.store.put(key, [1])
        let second = try await place.store.put(key, .bytes([2]), condition: .ifMatch(first.etag))
        let stale = await kind { _ = try await place.store.put(key, .bytes([3]), condition: .ifMatch(first.etag)) }
        #expect(stale == .preconditionFailed)
        _ = try await place.store.put(key, .bytes([4]), condition: .ifMatch(second.etag))
        #expect(try await place.store.get(key).bytes == [4])
    }

    @Test(arguments: [Backend.memory, .localFolder])
    func `counters increased by compare and swap at once lose nothing`(backend: Backend) async throws {
        let place = try await backend.make()
        let key = place.key("counter")
        try await place.store.put(key, [0])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var done = 0
                    while done < 5 {
                        guard let now = try? await place.store.get(key) else { continue }
                        let next = ObjectBody.bytes([now.bytes[0] + 1])
                        let outcome = await kind {
                            _ = try await place.store.put(key, next, condition: .ifMatch(now.info.etag))
                        }
                        if outcome == nil { done += 1 }
                    }
                }
            }
        }
        #expect(try await place.store.get(key).bytes == [40])
    }

    @Test(arguments: Backend.allCases)
    func `odd keys are kept byte for byte`(backend: Backend) async throws {
        let place = try await backend.make()
        let names = [
            "sp ace", "plus+", "day=2026-11-23/a", "co:lon", "per%41cent%", "q?x=1&y", "h#x", "composed-\u{e9}",
            "decomposed-e\u{301}", "emoji😀", "new\nline", "tab\tx", "cr\rx", "ctl\u{1}x", "amp&<>\"'", "~tilde",
            "star*",
            ".hidden", "a.b/c..d/...", "!$,;@()[]{}|^`", String(repeating: "n", count: 255), "𝔘𝔫𝔦",
        ]
        for name in names { try await place.store.put(place.key(name), Array(name.utf8)) }
        for name in names {
            #expect(try await place.store.get(place.key(name)).bytes == Array(name.utf8), "\(name.debugDescription)")
        }
        let listed = try await place.store.list(prefix: place.prefix).collect()
        #expect(Set(listed.map { Array($0.key.utf8) }) == Set(names.map { Array(place.key($0).utf8) }))
        try await place.store.delete(names.map { place.key($0) })
        #expect(try await place.store.list(prefix: place.prefix).collect().isEmpty)
    }

    @Test(arguments: Backend.allCases)
    func `a listing goes over pages without loss or repetition, by any prefix`(backend: Backend) async throws {
        let place = try await backend.make()
        var keys: Set<String> = []
        for number in 0..<30 { keys.insert(place.key("d/\(number % 3)/\(number)")) }
        for name in ["d/a/b", "d/a.b", "d/a-b", "d/a/c", "d2", "e"] { keys.insert(place.key(name)) }
        for key in keys { try await place.store.put(key, [1]) }
        for prefix in ["", "d", "d/", "d/1", "d/1/", "d/1/1", "d/a", "e", "none/", "d/1/1/"] {
            var found: [String] = []
            var token: String?
            repeat {
                let page = try await place.store.listPage(
                    prefix: place.key(prefix), continuation: token, limit: 7)
                #expect(page.objects.count <= 7)
                found += page.objects.map(\.key)
                token = page.continuation
            } while token != nil
            let expected = keys.filter { $0.hasPrefix(place.key(prefix)) }
            #expect(found.count == expected.count && Set(found) == expected, "\(prefix)")
        }
    }

    @Test(arguments: Backend.allCases)
    func `files are put and downloaded whole`(backend: Backend) async throws {
        let place = try await backend.make()
        let folder = try TemporaryFolder()
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 9) }
        let source = try folder.write("source", bytes)
        let info = try await place.store.put(place.key("f"), .file(path: source), condition: .ifAbsent)
        #expect(info.size == 3_000_000)
        _ = try folder.write("target", [UInt8](repeating: 1, count: 5_000_000))
        let got = try await place.store.download(place.key("f"), to: folder.path + "/target")
        #expect(got.size == 3_000_000)
        #expect(try folder.read("target") == bytes)
    }

    @Test(arguments: Backend.allCases)
    func `a file that is not there is the caller's mistake`(backend: Backend) async throws {
        let place = try await backend.make()
        let outcome = await kind {
            _ = try await place.store.put(place.key("f"), .file(path: "/no/such/file"), condition: .none)
        }
        #expect(outcome == .invalid)
        #expect(try await place.store.list(prefix: place.prefix).collect().isEmpty)
    }

    @Test(arguments: Backend.allCases)
    func `an empty or overlong key is refused`(backend: Backend) async throws {
        let place = try await backend.make()
        for key in ["", String(repeating: "k", count: 1025)] {
            #expect(await kind { _ = try await place.store.get(key) } == .invalid)
            #expect(await kind { try await place.store.put(key, [1]) } == .invalid)
            #expect(await kind { try await place.store.delete([key]) } == .invalid)
        }
    }
}
