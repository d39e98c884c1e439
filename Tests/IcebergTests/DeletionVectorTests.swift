// Deletion vectors and Puffin files: bytes that others read, bytes of others, damaged bytes.
import Avro
import Bitmaps
import Foundation
import Iceberg
import Testing

@Suite struct DeletionVectorTests {
    private static let sets: [[UInt64]] = [
        [], [0], [1, 5, 9], (0..<10_000).map { $0 * 3 }, [UInt64](0..<70_000), [7, 1 << 31, 1 << 32, (1 << 40) + 5],
    ]

    @Test func `a puffin file of several vectors reads the same in pyiceberg`() throws {
        let folder = try ScratchFolder()
        var writer = PuffinWriter()
        for (index, set) in Self.sets.enumerated() where !set.isEmpty {
            _ = writer.append(DeletionVector(set), of: "s3://b/\(index).parquet")
        }
        let path = folder.url.appending(path: "v.puffin").path
        try Data(writer.finish(createdBy: "tests")).write(to: URL(filePath: path))
        let seen = try #require(try PythonLake().call("puffin", .string(path)).object)
        for (index, set) in Self.sets.enumerated() where !set.isEmpty {
            #expect(
                seen["s3://b/\(index).parquet"]?.array?.compactMap(\.integer) == set.map { Int64($0) }, "set \(index)")
        }
    }

    @Test func `bitmaps of another library read as the positions it was given`() throws {
        let folder = try ScratchFolder()
        let lake = try PythonLake()
        for set in Self.sets {
            let path = folder.url.appending(path: "bitmap").path
            try lake.call("roaring", .array(set.map { .integer(Int64($0)) }), .string(path))
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
            let values = try bytes.withUnsafeBytes { try Bitmap64(portable: $0).values() }
            #expect(values == set)
        }
    }

    @Test func `a vector comes back from its blob, its file and its place in the file`() throws {
        for set in Self.sets {
            let vector = DeletionVector(set)
            #expect(try DeletionVector(blob: vector.blob, file: "f") == vector)
            var writer = PuffinWriter()
            _ = writer.append(DeletionVector([99]), of: "other")
            let blob = writer.append(vector, of: "s3://b/a.parquet")
            let bytes = try writer.finish(createdBy: "tests")
            let reader = try PuffinReader(bytes, file: "f")
            #expect(reader.blobs.count == 2 && reader.blobs[1] == blob)
            #expect(reader.properties["created-by"] == "tests")
            #expect(try reader.content(reader.blobs[1]) == vector.blob)
            let file = DataFile.deletionVector(
                path: "f", fileSizeBytes: Int64(bytes.count), blob: blob, cardinality: vector.count,
                of: Views.dataFile("s3://b/a.parquet"))
            #expect(try DeletionVector(of: file, puffin: bytes) == vector)
        }
    }

    @Test func `a merged vector deletes what either deletes`() {
        var vector = DeletionVector([1, 2])
        vector.merge(DeletionVector([2, 1 << 35]))
        #expect(vector.deleted == [1, 2, 1 << 35] && vector.count == 3)
        #expect(vector.contains(1 << 35) && !vector.contains(3))
    }

    @Test func `each part of a blob is checked`() throws {
        let blob = DeletionVector([1, 2, 3]).blob
        for (index, message) in [
            (0, "its length says"), (5, "wrong magic"), (12, "the checksum differs"),
            (blob.count - 1, "the checksum differs"),
        ] {
            var damaged = blob
            damaged[index] ^= 1
            let error = #expect(throws: IcebergError.self) { try DeletionVector(blob: damaged, file: "v.puffin") }
            #expect(error?.reason.contains(message) == true, "\(String(describing: error))")
            #expect(error?.subject.contains("v.puffin") == true)
        }
    }

    @Test func `a manifest that counts differently than the vector is refused`() throws {
        var writer = PuffinWriter()
        let vector = DeletionVector([1, 2])
        let blob = writer.append(vector, of: "a")
        let file = DataFile.deletionVector(
            path: "f", fileSizeBytes: 100, blob: blob, cardinality: 3, of: Views.dataFile("a"))
        #expect(throws: IcebergError.self) { try DeletionVector(of: file, blob: vector.blob) }
    }

    @Test func `damaged puffin files give an error that names the file, never a crash`() throws {
        let seed: UInt64 = 1234
        var numbers = Numbers(seed: seed)
        var writer = PuffinWriter()
        for set in Self.sets.prefix(4) { _ = writer.append(DeletionVector(set), of: "s3://b/x.parquet") }
        let original = try writer.finish(createdBy: "tests")
        for round in 0..<600 {
            var bytes = original
            for _ in 0...Int(numbers.next() % 3) {
                let area = numbers.next() % 2 == 0 ? 700 : bytes.count
                bytes[bytes.count - 1 - Int(numbers.next() % UInt64(min(area, bytes.count)))] = UInt8(
                    truncatingIfNeeded: numbers.next())
            }
            if numbers.next() % 6 == 0 { bytes.removeLast(Int(numbers.next() % UInt64(bytes.count))) }
            do throws(IcebergError) {
                let reader = try PuffinReader(bytes, file: "d.puffin")
                for blob in reader.blobs { _ = try DeletionVector(blob: reader.content(blob), file: "d.puffin") }
            } catch { #expect(error.subject.contains("d.puffin"), "seed \(seed), round \(round): \(error)") }
        }
    }
}
