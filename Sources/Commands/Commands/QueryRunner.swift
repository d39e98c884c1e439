// Answers /api/query by `pageviews query` in a process of its own: the same guard rails, deadline and memory limit as on the
// command line (SQLite's memory limit holds for a whole process, so the service cannot set it), and nothing that a
// statement does can harm the counting. docs/adr/0013.

import Dashboard
import Dispatch
import Foundation
import Glibc

/// Runs questions, a few at a time.
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

    /// Answers a question; blocks until its process has ended.
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

    /// Ends what runs; from now on nothing is started.
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
        // Nothing of ours that is secret, and no setting that the arguments do not name.
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
        // The request's limit is the pipe's capacity: this does not wait.
        try? input.fileHandleForWriting.write(contentsOf: Data(request.sql.utf8))
        try? input.fileHandleForWriting.close()
        let words = Self.collect(messages.fileHandleForReading, most: 64 << 10)
        let rows = Self.read(output.fileHandleForReading, most: Self.mostBytes) { child.end() }
        process.waitUntilExit()
        child.ended()
        return Self.judge(process, rows: rows, words: words())
    }

    /// libmicrohttpd blocks SIGPIPE on its threads, and a process that is started here would inherit that.
    private static func withSIGPIPE(_ body: () throws -> Void) rethrows {
        var (pipe, before) = (sigset_t(), sigset_t())
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_UNBLOCK, &pipe, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    /// Reads on another thread.
    /// - Returns: waits for the end and gives the text.
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

    /// - Returns: all there is; nil when it was more than `most`.
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
        guard process.terminationReason == .exit else { return .failed("the statement was ended before it was done") }
        switch process.terminationStatus {
        case 0:
            // One array a statement, each on lines of its own.
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

/// The process that runs one statement: less urgent than counting, and ended before its time when the service ends.
private final class Child: @unchecked Sendable {
    private let lock = NSLock()
    // Both are used under the lock only.
    private var pid: Int32 = 0
    private var isOver = false
    private static let niceness: Int32 = 10

    /// It was started.
    func began(_ started: Int32) {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(started), Self.niceness)
        let isOver = lock.withLock {
            pid = started
            return self.isOver
        }
        if isOver { end() }
    }

    /// It is gone, and its number may soon be another's.
    func ended() { lock.withLock { pid = 0 } }

    /// Ends it, now or as soon as it is started.
    func end() {
        lock.withLock {
            isOver = true
            if pid > 0 { kill(pid, SIGKILL) }
        }
    }
}
