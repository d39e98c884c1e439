// libFuzzer's entry. It has its own main; this says which target the inputs are for, and when to stop.

import Foundation
import Glibc

/// The target of this process: PAGEVIEWS_FUZZ_TARGET. Nothing writes it after libFuzzer's first call.
private let target: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["PAGEVIEWS_FUZZ_TARGET"] ?? ""
    if let target = FuzzTarget.all.first(where: { $0.name == name }) { return target }
    for target in FuzzTarget.all { print(target.name, target.longest) }
    exit(name.isEmpty ? 0 : 2)
}()

/// What one input may add to the process's peak of memory, above what libFuzzer itself uses meanwhile.
private let memoryLimitBytes = 64 << 20

private func peakBytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss << 10
}

private func finding(_ words: String) { FileHandle.standardError.write(Data("finding: \(words)\n".utf8)) }

@_cdecl("LLVMFuzzerInitialize")
package func initialize(_ count: UnsafeMutableRawPointer, _ arguments: UnsafeMutableRawPointer) -> Int32 {
    _ = target.name
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
package func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
    let before = peakBytes()
    do {
        try target.check(bytes)
        let grown = peakBytes() - before
        if grown <= memoryLimitBytes { return 0 }
        finding("\(count) bytes of input took \(grown >> 20) MiB")
    } catch { finding("\(error)") }
    abort()
}
