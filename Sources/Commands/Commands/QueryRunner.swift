// Answers /api/query by running `pageviews query` in a child process. The statement gets the command line's read-only
// policy, deadline and memory limit, and it cannot disturb counting. SQLite's memory limit applies to a whole process,
// so the service could not set it for one statement. See docs/adr/0013.

import Dashboard
import Dispatch
import Foundation
import Glibc

/// Runs statements, at most four at once.
final class QueryRunner: @unchecked Sendable {
    private let state: String
    private let timeoutMilliseconds: Int64
    private static let most = 4
    private static let maxRows = 10_000
    private static let mostBytes = 16 << 20

    private let lock = NSLock()
    // Both are used under the lock only.
    private var running: [ObjectIdentifier: Child] = [:]
    private var isStopping = false

    init(state: String, timeoutMilliseconds: Int64) {
        (self.state, self.timeoutMilliseconds) = (state, timeoutMilliseconds)
    }

    /// Answers a request; blocks until its process has ended.
    func answer(_ request: QueryRequest) -> QueryAnswer {
        let child = Child()
        let refusal: QueryAnswer? = lock.withLock {
            if isStopping { return .failed("the service is stopping") }
            guard running.count < Self.most else { return .busy }
            running[ObjectIdentifier(child)] = child
            return nil
        }
        if let refusal { return refusal }
        defer { lock.withLock { running[ObjectIdentifier(child)] = nil } }
        return run(request, child)
    }

    /// Kills the running statements and refuses new ones.
    func stop() {
        let ending = lock.withLock {
            isStopping = true
            return Array(running.values)
        }
        for child in ending { child.end() }
    }

    private func arguments(_ request: QueryRequest) -> [String] {
        [
            "query", "--state=\(state)", "--format=json", "--file=-", "--timeout=\(timeoutMilliseconds)ms",
            "--max-rows=\(Self.maxRows)", "--memory-limit=256MiB",
        ] + request.parameters.sorted { $0.key < $1.key }.map { "--param=\($0.key)=\($0.value)" }
    }

    private func run(_ request: QueryRequest, _ child: Child) -> QueryAnswer {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
        process.arguments = arguments(request)
        // The child inherits no secrets, and no settings besides its arguments.
        let own = ProcessInfo.processInfo.environment
        process.environment = ["LC_ALL": "C.UTF-8", "TZ": "UTC"].merging(
            own.filter { $0.key == "LD_LIBRARY_PATH" }
        ) { $1 }
        let (input, output, messages) = (Pipe(), Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, messages)
        do {
            try Self.withSIGPIPE { try process.run() }
        } catch {
            return .failed("the statement could not be started: \(error.localizedDescription)")
        }
        child.began(process.processIdentifier)
        let killer = DispatchWorkItem { child.end() }
        DispatchQueue.global().asyncAfter(
            deadline: .now() + .milliseconds(Int(timeoutMilliseconds) + 5000), execute: killer)
        defer { killer.cancel() }
        // A body is at most 64 KiB, the capacity of a pipe, so this write does not block.
        try? input.fileHandleForWriting.write(contentsOf: Data(request.sql.utf8))
        try? input.fileHandleForWriting.close()
        let words = Self.collect(messages.fileHandleForReading, most: 64 << 10)
        let rows = Self.read(output.fileHandleForReading, most: Self.mostBytes) { child.end() }
        process.waitUntilExit()
        child.ended()
        return Self.judge(process, rows: rows, words: words())
    }

    /// Unblocks SIGPIPE: libmicrohttpd blocks it on its threads, and a child process would inherit that mask.
    private static func withSIGPIPE(_ body: () throws -> Void) rethrows {
        var (pipe, before) = (sigset_t(), sigset_t())
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_UNBLOCK, &pipe, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// Reads on another thread.
    /// - Returns: a function that waits for the end of the file and returns its text.
    private static func collect(
        _ file: FileHandle, most: Int
    ) -> () -> String {
        let box = SharedText()
        Thread.detachNewThread {
            box.result = read(file, most: most) {} ?? Data()
            box.isThere.signal()
        }
        return {
            box.isThere.wait()
            return String(decoding: box.result, as: UTF8.self)
        }
    }

    /// - Returns: the whole content; nil when it is longer than `most`.
    private static func read(_ file: FileHandle, most: Int, overflow: () -> Void) -> Data? {
        var data = Data()
        while let piece = try? file.read(upToCount: 1 << 16), !piece.isEmpty {
            data.append(piece)
            guard data.count <= most else {
                overflow()
                return nil
            }
        }
        return data
    }

    private static func judge(_ process: Process, rows: Data?, words: String) -> QueryAnswer {
        guard let rows else { return .tooLarge("the result is over \(mostBytes >> 20) MiB; ask for less") }
        let lines = words.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        let why = lines.joined(separator: "; ").replacingOccurrences(of: "error: ", with: "")
        guard process.terminationReason == .exit else { return .failed("the statement was killed before it finished") }
        switch process.terminationStatus {
        case 0:
            // Each statement writes one array, which starts a line.
            let text = String(decoding: rows, as: UTF8.self)
            guard !text.contains("\n[") else { return .wrong("send one statement at a time") }
            return .rows(json: text.isEmpty ? "[]\n" : text, isTruncated: words.contains("(--max-rows)"))
        case 3: return .deadline(why)
        default: return .wrong(why.isEmpty ? "the statement failed" : why)
        }
    }
}

private final class SharedText: @unchecked Sendable {
    /// Written before the signal, read after it.
    var result = Data()
    let isThere = DispatchSemaphore(value: 0)
}

/// The process that runs one statement. It has a lower priority than counting, and dies with the service.
private final class Child: @unchecked Sendable {
    private let lock = NSLock()
    // Both are used under the lock only.
    private var pid: Int32 = 0
    private var isOver = false
    private static let niceness: Int32 = 10

    /// Records the pid of the started process.
    func began(_ started: Int32) {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(started), Self.niceness)
        let isOver = lock.withLock {
            pid = started
            return self.isOver
        }
        if isOver { end() }
    }

    /// Forgets the pid of the ended process, because the kernel may reuse it.
    func ended() { lock.withLock { pid = 0 } }

    /// Kills the process, now or as soon as it has started.
    func end() {
        lock.withLock {
            isOver = true
            if pid > 0 { kill(pid, SIGKILL) }
        }
    }
}
