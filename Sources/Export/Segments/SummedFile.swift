// A spool file whose checksum is taken of what is written, not of what the disk has: a file waits for hours where the warehouse
// is unreachable, and what a bad disk or a crash made of it must not become part of a table.
// Invariant: a file that is not as it was written is never sent; it is set aside, and counts as missing from then on.

import Base
import Compression
import Glibc
import State

/// A spool file being written, with the CRC-32 of its bytes.
final class SummedFile {
    private let file: SpoolFile
    /// Of all bytes so far.
    private(set) var checksum: UInt32 = 0

    init(path: String) throws { file = try SpoolFile(path: path) }

    var path: String { file.path }
    var bytes: Int64 { file.bytes }

    func write(_ data: UnsafeRawBufferPointer) throws {
        checksum = CRC32.checksum(data, previous: checksum)
        try file.write(data)
    }

    /// Makes the file durable and closes it.
    func finish() throws { try file.finish() }
}

/// Compares files of the spool with what was written.
enum SpoolCheck {
    /// How the name of a file that was set aside begins.
    static let prefix = "damaged-"
    private static let chunkBytes = 256 << 10

    /// What is wrong with a file; nil when it is as it was written.
    /// - Parameters:
    ///   - bytes: its size; nil where it is not known.
    ///   - checksum: its CRC-32; nil where it is not known.
    /// - Throws: `SpoolError` when it cannot be opened.
    static func defect(ofFile path: String, bytes: Int64?, checksum: UInt32?) throws -> String? {
        if let bytes, let found = size(ofFile: path), found != bytes {
            return "it has \(found) bytes instead of \(bytes)"
        }
        guard let checksum else { return nil }
        do {
            return try self.checksum(ofFile: path) == checksum ? nil : "its checksum differs"
        } catch let error as SpoolError where error.code == EIO {
            return "it cannot be read"
        }
    }

    /// nil when there is no such file.
    static func size(ofFile path: String) -> Int64? {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int64(facts.st_size) : nil
    }

    /// Gives a damaged file a name by which nothing looks for it; a person may still want it.
    static func setAside(_ name: String, in folder: String) {
        if rename("\(folder)/\(name)", "\(folder)/\(prefix)\(name)") != 0 { SpoolFile.remove("\(folder)/\(name)") }
    }

    private static func checksum(ofFile path: String) throws -> UInt32 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpoolError(path: path, code: errno) }
        defer { close(descriptor) }
        var sum: UInt32 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(descriptor, buffer.baseAddress, chunkBytes)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SpoolError(path: path, code: errno) }
            guard count > 0 else { return sum }
            sum = CRC32.checksum(UnsafeRawBufferPointer(rebasing: buffer[..<count]), previous: sum)
        }
    }
}
