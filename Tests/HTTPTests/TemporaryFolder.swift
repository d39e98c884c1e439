import Glibc

/// A folder of its own, removed with its files at the end.
final class TemporaryFolder {
    struct Failed: Error {}
    let path: String

    init() throws {
        var template = Array("/tmp/pageviews-http-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failed() }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in ["source", "target"] { unlink(path + "/" + name) }
        rmdir(path)
    }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = fopen(path + "/" + name, "w")
        guard let file, fwrite(bytes, 1, bytes.count, file) == bytes.count, fclose(file) == 0 else { throw Failed() }
        return path + "/" + name
    }

    func read(_ name: String) throws -> [UInt8] {
        guard let file = fopen(path + "/" + name, "r") else { throw Failed() }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        return Array(bytes[..<fread(&bytes, 1, bytes.count, file)])
    }
}
