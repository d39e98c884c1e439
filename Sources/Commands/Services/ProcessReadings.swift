// Reads figures of this process, and the readers of the state, from /proc (proc(5)).

import Dashboard
import Foundation
import Glibc

enum ProcessReadings {
    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Memory in use, in bytes; 0 when that is unknown.
    static func residentBytes() -> Int64 {
        let fields = text("/proc/self/statm").split(separator: " ")
        guard fields.count > 1, let pages = Int64(fields[1]) else { return 0 }
        return pages * Int64(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Figures for the metrics.
    /// - Parameter startedAt: milliseconds since the Unix epoch.
    static func facts(startedAt: Int64) -> ProcessFacts {
        var facts = ProcessFacts()
        facts.startSeconds = Double(startedAt) / 1000
        facts.residentBytes = Double(residentBytes())
        let fields = text("/proc/self/statm").split(separator: " ")
        facts.virtualBytes = fields.first.flatMap { Double($0) }.map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
        var usage = rusage()
        // RUSAGE_SELF is 0, but Swift imports it with a type that this call does not take.
        if getrusage(0, &usage) == 0 {
            let parts = [usage.ru_utime, usage.ru_stime]
            facts.cpuSeconds = parts.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1_000_000 }
        }
        facts.openFiles = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map {
            Double($0.count)
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < 1 << 40 {
            facts.mostFiles = Double(limit.rlim_cur)
        }
        return facts
    }

    /// The processes that hold a read mark in the wal-index: SQLite locks one of the bytes 123 to 127 of `-shm` for
    /// each reader (https://www.sqlite.org/walformat.html#locks).
    static func readers(ofState path: String) -> Set<Int32> {
        var facts = stat()
        guard stat(path + "-shm", &facts) == 0 else { return [] }
        return readers(inLocks: text("/proc/locks"), inode: UInt64(facts.st_ino), own: getpid())
    }

    /// A line is `1: POSIX  ADVISORY  READ 4711 fd:01:1234 124 124`.
    static func readers(inLocks locks: String, inode: UInt64, own: Int32) -> Set<Int32> {
        var found: Set<Int32> = []
        for line in locks.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count == 8, fields[1] == "POSIX", fields[3] == "READ", let pid = Int32(fields[4]), pid > 0,
                pid != own, fields[5].split(separator: ":").last == Substring("\(inode)"), let byte = Int(fields[6]),
                (123...127).contains(byte)
            else { continue }
            found.insert(pid)
        }
        return found
    }
}
