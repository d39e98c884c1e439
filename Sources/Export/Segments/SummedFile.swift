// Files of the spool with their checksums. A file waits for hours while the warehouse is unreachable; its checksum is computed
// from the bytes as they are written, so that damage by the disk or a crash is found before the file is sent.
// Invariant: a file with another size or checksum is never sent; it is set aside and counts as missing.

import Base
import Compression
import Foundation
import Glibc
import State

/// A spool file being written, with the CRC-32 of its bytes.
final class SummedFile {
    private let file: SpoolFile
    /// The CRC-32 of the bytes written so far.
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
    /// The prefix of the names of files that were set aside.
    static let prefix = "damaged-"
    /// The number of such files that are kept; older ones are removed.
    static let most = 8
    private static let chunkBytes = 256 << 10

    /// The damage of a file; nil when its size and checksum are those of the bytes written.
    /// - Parameters:
    ///   - bytes: its size; nil where it is not known.
    ///   - checksum: its CRC-32; nil where it is not known.
    /// - Throws: `SpoolError` when it cannot be opened.
    static func defect(ofFile path: String, bytes: Int64?, checksum: UInt32?) throws -> String? {
        if let bytes, let found = size(ofFile: path), found != bytes { return sizeDefect(found, expected: bytes) }
        guard let checksum else { return nil }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpoolError(path: path, code: errno) }
        defer { close(descriptor) }
        do {
            return try self.checksum(descriptor, path) == checksum ? nil : "its checksum differs"
        } catch {
            // Of an open file: a file system with checksums of its own has other codes than EIO for damage.
            return "it cannot be read (\(String(cString: strerror(error.code))))"
        }
    }

    /// The damage of a file with another size.
    static func sizeDefect(_ found: Int64, expected: Int64) -> String { "it has \(found) bytes instead of \(expected)" }

    /// The log line for a damaged file of a table.
    static func report(_ path: String, _ defect: String, _ table: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        return "table \(table): the local file \(path) that waits for export is damaged: \(defect). It is now "
            + "\(prefix)\(name), and its rows are read again; check the disk"
    }

    /// The size of a file, in bytes; nil when it does not exist.
    static func size(ofFile path: String) -> Int64? {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int64(facts.st_size) : nil
    }

    /// Renames a damaged file, so that an operator can examine it. Removes the oldest such files above `most`.
    static func setAside(_ name: String, in folder: String) {
        if rename("\(folder)/\(name)", "\(folder)/\(prefix)\(name)") != 0 { SpoolFile.remove("\(folder)/\(name)") }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let kept = names.filter { $0.hasPrefix(prefix) }.map { (name: $0, at: changed("\(folder)/\($0)")) }
        for old in kept.sorted(by: { ($0.at, $0.name) > ($1.at, $1.name) }).dropFirst(most) {
            SpoolFile.remove("\(folder)/\(old.name)")
        }
    }

    /// When the name of a file last changed, in nanoseconds since the Unix epoch.
    private static func changed(_ path: String) -> Int {
        var facts = stat()
        return stat(path, &facts) == 0 ? facts.st_ctim.tv_sec * 1_000_000_000 + facts.st_ctim.tv_nsec : 0
    }

    private static func checksum(_ descriptor: Int32, _ path: String) throws(SpoolError) -> UInt32 {
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
