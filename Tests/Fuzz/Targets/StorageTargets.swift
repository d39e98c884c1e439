// Answers of S3 and of a REST catalog, and compressed bytes.

import Avro
import Compression

@testable import HTTP
@testable import Iceberg
@testable import ObjectStorage

extension FuzzTarget {
    /// XML that is read is written as XML that means the same; listings and errors come of any answer.
    static let s3 = FuzzTarget("s3", longest: 1024) { bytes in
        do throws(XMLElement.Malformed) {
            let root = try XMLElement.parse(bytes)
            if let text = xml(root) {
                let again = try XMLElement.parse(Array(text.utf8))
                guard isSame(root, again) else { throw XMLElement.Malformed(position: -1, what: text) }
            }
            _ = try S3Listing.page(root)
        } catch {
            try require((0...bytes.count).contains(error.position), "byte \(error.position): \(error.what)")
            try requireLine(error.what)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        try require(S3ErrorBody(bytes).text(status: 500).unicodeScalars.count <= 300, "an error of more than 300")
        for status in [200, 404, 503] {
            let response = HTTPResponse(
                status: status, headers: HTTPHeaders([HTTPHeader("Retry-After", text), HTTPHeader("Date", text)]),
                body: bytes)
            let request = S3Request(operation: "put", method: "PUT", key: "k")
            _ = S3Verdict.judge(.success(response), of: request, time: 0)
        }
        let encoded = PercentEncoding.encode(text, keepingSlashes: bytes.count % 2 == 0)
        try require(PercentEncoding.decode(encoded).utf8.elementsEqual(text.utf8), "\(encoded) is another text")
        do throws(ObjectStorageError) {
            let location = try Location(text)
            guard try Location(location.description) == location else {
                throw ObjectStorageError(kind: .invalid, operation: "open", object: "\n", detail: text)
            }
        } catch { try require(error.object != "\n", "\(error.detail) is another location") }
    }

    /// nil when it cannot be written.
    private static func xml(_ element: XMLElement) -> String? {
        let isName = element.name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        }
        guard isName, var text = XMLText.escape(element.text) else { return nil }
        for child in element.children {
            guard let inner = xml(child) else { return nil }
            text += inner
        }
        return "<\(element.name)>\(text)</\(element.name)>"
    }

    private static func isSame(_ one: XMLElement, _ other: XMLElement) -> Bool {
        one.name == other.name && one.text.utf8.elementsEqual(other.text.utf8)
            && one.children.count == other.children.count && zip(one.children, other.children).allSatisfy(isSame)
    }

    /// Answers of a catalog, whatever their status, give a table, a configuration or one line of refusal.
    static let catalog = FuzzTarget("catalog", longest: 4096) { bytes in
        for status in [200, 500] {
            let response = HTTPResponse(status: status, headers: HTTPHeaders(), body: bytes)
            guard case .status(_, let json, let text) = RESTAnswer(response, hiding: ["secret"]) else { continue }
            try require(text.count <= 400 && !text.contains("secret"), "the reason is \(text)")
            try requireLine("-" + text)
            guard status == 200 else { continue }
            let table = TableIdentifier(namespace: ["n"], name: "t")
            do throws(CatalogError) {
                let loaded = try RESTCatalog.table(json, table)
                _ = loaded.description
            } catch { try requireLine(error) }
            let settings = RESTSettings(address: "http://h/c", authorization: .bearer("secret"))
            do throws(CatalogError) {
                let configuration = try RESTSession.Configuration(json, settings)
                let isOurs = configuration.address == settings.address
                guard isOurs || WebOrigin(configuration.address) == WebOrigin(settings.address) else {
                    throw CatalogError(.malformed, "\n")
                }
            } catch { try requireLine(error) }
        }
    }

    /// Whatever is unpacked stays within its limit; what was packed comes back.
    static let compression = FuzzTarget("compression", longest: 1024) { bytes in
        let limit = 1 << 20
        try bytes.withUnsafeBytes { all in
            let body = UnsafeRawBufferPointer(rebasing: all.dropFirst())
            switch (bytes.first ?? 0) % 6 {
            case 0:
                try unpack { try Zstd.decompress(body, limit: limit) }
                try packed(body) {
                    try Zstd.decompress($0, limit: limit)
                } by: {
                    try Zstd.compress($0)
                }
            case 1:
                try unpack { try Snappy.decompress(body, limit: limit) }
                try packed(body) {
                    try Snappy.decompress($0, limit: limit)
                } by: {
                    try Snappy.compress($0)
                }
            case 2:
                try unpack { try Deflate.decompress(body, limit: limit) }
                try packed(body) {
                    try Deflate.decompress($0, limit: limit)
                } by: {
                    try Deflate.compress($0)
                }
            case 3: try unpack { try Gzip.decompress(body, limit: limit) }
            case let kind:
                // Exactly as many bytes as there are to be: another write would be beyond the end.
                let target = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count * 2, alignment: 1)
                defer { target.deallocate() }
                do throws(CompressionError) {
                    let count =
                        try kind == 4
                        ? LZ4.decompress(body, into: target)
                        : LZ4.decompressFrames(body, into: target)
                    if count > target.count { throw .failed(.lz4, reason: "\n") }
                } catch { try requireLine(error) }
            }
        }
    }

    private static func unpack(_ body: () throws -> [UInt8]) throws {
        do { try require(try body().count <= 1 << 20, "more than the limit") } catch let error as CompressionError {
            try requireLine(error)
        }
    }

    private static func packed(
        _ bytes: UnsafeRawBufferPointer, _ unpack: (UnsafeRawBufferPointer) throws -> [UInt8],
        by pack: (UnsafeRawBufferPointer) throws -> [UInt8]
    ) throws {
        let packed = try pack(bytes)
        try require(try packed.withUnsafeBytes(unpack).elementsEqual(bytes), "other bytes came back")
    }
}
