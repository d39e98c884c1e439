// What the tests share: values as text (so that any two readers can be compared), golden files, another reader's view by
// way of Python, and a seeded generator.
import Foundation
import Parquet
import Testing

/// A small seeded generator, so that a failure can be repeated.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A column's values as text: integers in decimal, floats by their bits in hex, bytes in hex; nil for null.
struct TextColumn: Equatable, Codable {
    var name: String
    var type: String
    var optional: Bool
    var fieldID: Int32?
    var values: [String?]
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

func padded(_ bits: some FixedWidthInteger & UnsignedInteger) -> String {
    let text = String(bits, radix: 16)
    return String(repeating: "0", count: bits.bitWidth / 4 - text.count) + text
}

/// A decoded chunk as text.
func texts(_ chunk: ColumnChunk) -> [String?] {
    let all: [String] =
        switch chunk.values {
        case .boolean(let values): values.map { $0 ? "true" : "false" }
        case .int32(let values): values.map(String.init)
        case .int64(let values): values.map(String.init)
        case .float(let values): values.map { padded($0.bitPattern) }
        case .double(let values): values.map { padded($0.bitPattern) }
        case .bytes(let values): (0..<values.count).map { hex(values.bytes($0)) }
        }
    return all.enumerated().map { chunk.isNull($0.offset) ? nil : $0.element }
}

/// All flat columns of a file as text.
func texts(_ reader: ParquetReader) throws -> [TextColumn] {
    try reader.schema.columns.enumerated().map { index, column in
        let values = try reader.rowGroups.indices.flatMap { try texts(reader.read(column: index, rowGroup: $0)) }
        return TextColumn(
            name: column.name, type: column.type.rawValue, optional: column.isOptional, fieldID: column.fieldID,
            values: values)
    }
}

struct Golden: Codable {
    var rowGroups: [Int]
    var columns: [TextColumn]

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")
    static let names = [
        "v1_plain_none", "v1_dictionary_none", "v1_dictionary_snappy", "v1_dictionary_zstd_checksums", "v1_delta_zstd",
        "v2_dictionary_snappy", "v2_dictionary_zstd_groups", "v2_delta_none", "v2_delta_lengths_none",
        "v1_fallback_none",
        "all_null", "hardly_null", "empty", "nested_between", "by_duckdb",
    ]

    static func file(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: "\(name).parquet")))
    }

    static func load(_ name: String) throws -> Golden {
        try JSONDecoder().decode(Golden.self, from: try Data(contentsOf: folder.appending(path: "\(name).json")))
    }
}

/// What another reader, reached through Python, finds in a file.
struct OtherView: Decodable {
    struct Chunk: Decodable {
        var encodings: [String]
        var compression: String
        var hasColumnIndex: Bool
        var hasOffsetIndex: Bool
        var compressedSize: Int
        var uncompressedSize: Int
        var nullCount: Int?
        var min: String?
        var max: String?
    }
    struct Group: Decodable {
        var rowCount: Int
        var columns: [Chunk]
    }
    var columns: [TextColumn]
    var groups: [Group]?
    var metadata: [String: String]?
    var createdBy: String?
}

struct NoPython: Error, CustomStringConvertible {
    let path: String
    var description: String {
        "no Python interpreter at \(path): run `make setup`, or set PAGEVIEWS_TEST_PYTHON to one that has pyarrow and duckdb"
    }
}

struct PythonFailed: Error, CustomStringConvertible { let description: String }

/// The interpreter of PAGEVIEWS_TEST_PYTHON, or else the repository's own.
func python() throws -> URL {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardizedFileURL
    let path =
        ProcessInfo.processInfo.environment["PAGEVIEWS_TEST_PYTHON"] ?? root.appending(path: ".venv/bin/python").path
    guard FileManager.default.isExecutableFile(atPath: path) else { throw NoPython(path: path) }
    return URL(filePath: path)
}

/// Reads `file` with `engine` ("pyarrow" or "duckdb").
func view(_ file: [UInt8], by engine: String) throws -> OtherView {
    let interpreter = try python()
    let path = FileManager.default.temporaryDirectory.appending(path: "parquet-test-\(UUID().uuidString).parquet")
    try Data(file).write(to: path)
    defer { try? FileManager.default.removeItem(at: path) }
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Scripts/dump.py").path
    let process = Process()
    let (output, errors) = (Pipe(), path.appendingPathExtension("errors"))
    try Data().write(to: errors)
    defer { try? FileManager.default.removeItem(at: errors) }
    process.executableURL = interpreter
    process.arguments = ["-B", script, engine, path.path]
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw PythonFailed(description: "\(engine): \(String(decoding: try Data(contentsOf: errors), as: UTF8.self))")
    }
    return try JSONDecoder().decode(OtherView.self, from: data)
}

/// A sink that keeps everything.
final class Collected {
    var bytes: [UInt8] = []
    func take(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }
}
