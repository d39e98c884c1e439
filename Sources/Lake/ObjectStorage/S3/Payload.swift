// The body of a put, in memory or in a file: its size, hash and parts. Blocking calls run on `BlockingWork`.

import Base
import Crypto
import Glibc
import HTTP

struct Payload: Sendable {
    let body: ObjectBody
    let size: Int64

    /// Up to this size, in bytes, the calling thread computes the hash.
    private static let smallBytes: Int64 = 64 << 10

    init(_ body: ObjectBody) async throws(SystemFailure) {
        self.body = body
        switch body {
        case .bytes(let bytes): size = Int64(bytes.count)
        case .file(let path):
            size = try await BlockingWork.run { () throws(SystemFailure) in try LocalFiles.size(ofFile: path) }
        }
    }

    /// The HTTP body for a part.
    func httpBody(_ range: Range<Int64>) -> HTTPBody {
        switch body {
        case .bytes(let bytes):
            range.count == bytes.count
                ? .bytes(bytes) : .bytes(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
        case .file(let path):
            .file(FileRegion(path: path, offset: range.lowerBound, length: Int64(range.count)))
        }
    }

    /// The SHA-256 of a part, in lower-case hexadecimal.
    func hash(_ range: Range<Int64>) async throws(SystemFailure) -> String {
        if case .bytes = body, Int64(range.count) <= Self.smallBytes { return try hashNow(range) }
        return try await BlockingWork.run { () throws(SystemFailure) in try hashNow(range) }
    }

    /// The bytes of a part.
    func read(_ range: Range<Int64>) async throws(SystemFailure) -> [UInt8] {
        switch body {
        case .bytes(let bytes): return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
        case .file(let path):
            return try await BlockingWork.run { () throws(SystemFailure) in
                try LocalFiles.read(try Self.open(path), range, path)
            }
        }
    }

    private func hashNow(_ range: Range<Int64>) throws(SystemFailure) -> String {
        do {
            var hash = try SHA256()
            switch body {
            case .bytes(let bytes):
                try bytes.withUnsafeBytes { buffer in
                    let part = buffer[Int(range.lowerBound)..<Int(range.upperBound)]
                    try hash.update(UnsafeRawBufferPointer(rebasing: part))
                }
            case .file(let path):
                let file = try Self.open(path)
                try LocalFiles.forEachChunk(file, range, path) { chunk in
                    do throws(CryptoError) {
                        try hash.update(chunk)
                        return nil
                    } catch {
                        return Self.failure(error)
                    }
                }
            }
            return Hex.encode(try hash.finalize())
        } catch let failure as SystemFailure {
            throw failure
        } catch {
            throw Self.failure(error)
        }
    }

    private static func failure(_ error: any Error) -> SystemFailure { SystemFailure(number: EINVAL, what: "\(error)") }

    private static func open(_ path: String) throws(SystemFailure) -> Descriptor {
        try Descriptor(Glibc.open(path, O_RDONLY | O_CLOEXEC), "opening \(path)")
    }
}
