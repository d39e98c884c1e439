// The disk of the running process: it may refuse writes, and after a power cut loses what was not synced.
//
// Invariants: only files beneath the folder of the running process are touched; of an unsynced file the writes since its last
// sync are lost from some point on, possibly in the middle of one; what was synced stays. A rename or removal is durable at
// once, as on a journalling file system.

import CSimDisk
import Foundation
import Glibc

/// Watches and disturbs writes.
final class SimDisk: @unchecked Sendable {
    /// What a file held before a write that was not synced yet.
    private struct Undo {
        let offset: Int64
        let bytes: [UInt8]
        let size: Int64
    }

    private nonisolated(unsafe) static var armed: SimDisk?

    private let faults: FaultPlan
    private let folder: String
    private var undo: [String: [Undo]] = [:]
    private var dice: Dice
    private var fullFor = 0
    private let note: (String) -> Void
    private let kill: () -> Void

    /// - Parameter kill: ends the process in the middle of a write.
    init(
        folder: String, faults: FaultPlan, seed: UInt64, note: @escaping (String) -> Void, kill: @escaping () -> Void
    ) {
        (self.folder, self.faults, self.note, self.kill) = (folder + "/", faults, note, kill)
        dice = Dice(seed: seed, stream: "disk")
    }

    /// Begins to watch; of all disks one at a time does.
    func arm() {
        Self.armed = self
        simdisk_set_hook { operation, descriptor, offset, length, shorter in
            SimDisk.armed?.intercept(operation, descriptor, offset, length, shorter) ?? 0
        }
    }

    func disarm() {
        simdisk_set_hook(nil)
        Self.armed = nil
    }

    private func intercept(
        _ operation: Int32, _ descriptor: Int32, _ offset: Int64, _ length: Int64,
        _ shorter: UnsafeMutablePointer<Int64>?
    ) -> Int32 {
        guard let path = path(of: descriptor), path.hasPrefix(folder), !path.hasSuffix("-shm") else { return 0 }
        if faults.strikes(.killInWrite, factor: 0.1) { kill() }
        if Int(operation) == Int(SIMDISK_SYNC.rawValue) {
            if faults.strikes(.syncFails) {
                note("fsync fails: \(name(path))")
                return EIO
            }
            undo[path] = nil
            return 0
        }
        if Int(operation) == Int(SIMDISK_WRITE.rawValue), let refused = refuse(path, length, shorter) { return refused }
        remember(path, descriptor, operation, offset, shorter?.pointee ?? length)
        return 0
    }

    private func refuse(_ path: String, _ length: Int64, _ shorter: UnsafeMutablePointer<Int64>?) -> Int32? {
        if fullFor > 0 {
            fullFor -= 1
            return ENOSPC
        }
        if faults.strikes(.diskFull, factor: 0.3) {
            fullFor = dice.number(1..<30)
            note("the disk is full for \(fullFor) writes: \(name(path))")
            return ENOSPC
        }
        if faults.strikes(.writeFails, factor: 0.3) {
            note("a write fails: \(name(path))")
            return EIO
        }
        if length > 1, faults.strikes(.shortWrite, factor: 0.3) {
            shorter?.pointee = Int64(dice.number(1..<Int(min(length, 1 << 20))))
            note("a short write: \(name(path))")
        }
        return nil
    }

    private func remember(_ path: String, _ descriptor: Int32, _ operation: Int32, _ offset: Int64, _ length: Int64) {
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return }
        let size = Int64(facts.st_size)
        let isTruncation = Int(operation) == Int(SIMDISK_TRUNCATE.rawValue)
        let start = offset >= 0 ? offset : Int64(lseek(descriptor, 0, SEEK_CUR))
        let end = isTruncation ? size : min(size, start + length)
        undo[path, default: []].append(Undo(offset: start, bytes: read(path, start, end - start), size: size))
    }

    private func read(_ path: String, _ start: Int64, _ count: Int64) -> [UInt8] {
        guard count > 0 else { return [] }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Int(count))
        let got = pread(descriptor, &bytes, bytes.count, off_t(start))
        return Array(bytes.prefix(max(0, got)))
    }

    private func path(of descriptor: Int32) -> String? {
        var text = [CChar](repeating: 0, count: 512)
        let count = readlink("/proc/self/fd/\(descriptor)", &text, text.count - 1)
        guard count > 0 else { return nil }
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func name(_ path: String) -> String { String(path.dropFirst(folder.count)) }

    /// Takes the unsynced writes out of a copy of the folder, the latest first, as far as this power cut loses them.
    func losePower(in copy: String) {
        for (path, writes) in undo.sorted(by: { $0.key < $1.key }) {
            let lost = dice.number(0..<writes.count + 1)
            guard lost > 0 else { continue }
            let descriptor = open("\(copy)/\(name(path))", O_RDWR | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            for write in writes.suffix(lost).reversed() {
                _ = write.bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(write.offset)) }
                ftruncate(descriptor, off_t(write.size))
            }
            note("the power cut loses \(lost) of \(writes.count) writes: \(name(path))")
        }
    }
}
