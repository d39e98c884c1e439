// Metadata files survive reading and writing; what is wrong in them is named.
import Avro
import Foundation
import Iceberg
import Testing

@Suite struct TableMetadataTests {
    static func fixture(_ name: String) throws -> JSON {
        let file = PythonLake.folder.appending(path: "Fixtures/\(name)")
        return try JSON(parsing: [UInt8](Data(contentsOf: file)))
    }

    @Test(arguments: ["v2-full.json", "v3-row-lineage.json"])
    func `nothing is lost between reading and writing, unknown members included`(name: String) throws {
        var original = try #require(Self.fixture(name).object)
        let written = try TableMetadata(json: .object(original)).json.object
        original["location"] = .string("s3://bucket/test/location")
        #expect(written == original)
    }

    @Test func `what the fixture says is read as it means`() throws {
        let metadata = try TableMetadata(json: Self.fixture("v2-full.json"))
        #expect(metadata.currentSnapshot?.sequenceNumber == 1)
        #expect(metadata.currentSchema?.identifierFieldIDs == [1, 2])
        #expect(metadata.currentSchema?.highestFieldID == 9)
        #expect(metadata.defaultSpec?.fields.map(\.transform) == [.identity, .other("bucket[16]")])
        #expect(metadata.snapshots[1].operation == "append" && metadata.snapshots[1].summary["engine-name"] == "other")
        #expect(metadata.metadataFolder == "s3://bucket/test/location/metadata")
        #expect(metadata.refs["audit"]?.snapshotID == 3_051_729_675_574_597_004)
    }

    @Test func `a snapshot id of -1 is no snapshot`() throws {
        var members = try #require(Self.fixture("v3-row-lineage.json").object)
        members["current-snapshot-id"] = .integer(-1)
        members["refs"] = .object([:])
        members["snapshots"] = .array([])
        #expect(try TableMetadata(json: .object(members)).currentSnapshot == nil)
    }

    @Test func `a main branch is implied where only the current snapshot is said`() throws {
        var members = try #require(Self.fixture("v2-full.json").object)
        members["refs"] = nil
        #expect(try TableMetadata(json: .object(members)).refs["main"]?.snapshotID == 3_055_729_675_574_597_004)
    }

    @Test(arguments: [
        ("format-version", JSON.integer(1), "metadata: format version 1 is not 2 or 3"),
        ("table-uuid", .null, "metadata.table-uuid: is missing"),
        ("current-schema-id", .integer(7), "metadata.current-schema-id: no schema has the id 7"),
        ("default-spec-id", .integer(9), "metadata.default-spec-id: no spec has the id 9"),
        ("current-snapshot-id", .integer(5), "metadata.current-snapshot-id: no snapshot has the id 5"),
        ("last-sequence-number", .string("1"), "metadata.last-sequence-number: must be an integer"),
        ("snapshots", .array([.object([:])]), "metadata.snapshots[0].snapshot-id: is missing"),
        ("properties", .object(["a": .integer(1)]), "metadata.properties.a: must be a string"),
    ])
    func `a wrong member is named`(key: String, value: JSON, message: String) throws {
        var members = try #require(Self.fixture("v2-full.json").object)
        members[key] = value
        let error = #expect(throws: IcebergError.self) { try TableMetadata(json: .object(members)) }
        #expect(error?.description == message)
    }

    @Test func `bytes that are not JSON are refused with the file and the place`() {
        let error = #expect(throws: IcebergError.self) {
            try TableMetadata(parsing: [UInt8]("{\"format-version\": 2,\n x}".utf8), file: "v7.metadata.json")
        }
        #expect(error?.subject == "v7.metadata.json")
        #expect(error?.reason.contains("character 2") == true, "\(String(describing: error))")
    }

    @Test func `metadata that nests without end is refused`() {
        for opening in ["[", "{\"a\":"] {
            let bytes = [UInt8](String(repeating: opening, count: 200_000).utf8)
            #expect(throws: IcebergError.self) { try TableMetadata(parsing: bytes, file: "deep.json") }
        }
    }

    @Test func `damaged metadata gives metadata or an error that names the file, never a crash`() throws {
        let seed: UInt64 = 31
        var numbers = Numbers(seed: seed)
        let original = try Self.fixture("v2-full.json").text()
        for round in 0..<500 {
            var bytes = original
            for _ in 0...Int(numbers.next() % 3) {
                let at = Int(numbers.next() % UInt64(bytes.count))
                bytes[at] = numbers.next() % 2 == 0 ? UInt8(truncatingIfNeeded: numbers.next()) : 0x39
            }
            if numbers.next() % 5 == 0 { bytes.removeLast(Int(numbers.next() % UInt64(bytes.count))) }
            do throws(IcebergError) { _ = try TableMetadata(parsing: bytes, file: "f.json") } catch {
                #expect(error.subject.hasPrefix("f.json"), "seed \(seed), round \(round): \(error)")
            }
        }
    }
}
