// Answers /api/query by `pageviews query` in a process of its own: the same guard rails, deadline and memory limit as on the
// command line (SQLite's memory limit holds for a whole process, so the service cannot set it), and nothing that a
// statement does can harm the counting. docs/adr/0013.

internal import Dashboard
internal import Dispatch
internal import Foundation
internal import Glibc
internal import ServiceLifecycle
internal import Synchronization

/// Runs questions, a few at a time.
final class QueryRunner: Sendable {
    private let state: String
    private let timeoutMilliseconds: Int64
    private let running = Atomic<Int>(0)
    private static let most = 4
    private static let maxRows = 10_000
    private static let mostBytes = 16 << 20

    init(state: String, timeoutMilliseconds: Int64) {
        (self.state, self.timeoutMilliseconds) = (state, timeoutMilliseconds)
    }

    func answer(_ request: QueryRequest) async -> QueryAnswer {
        guard running.add(1, ordering: .relaxed).newValue <= Self.most else {
            running.subtract(1, ordering: .relaxed)
            return .busy
        }
        defer { running.subtract(1, ordering: .relaxed) }
        let child = Child()
        // Threads of their own: they wait for a process, which would keep Dispatch's few from others' work.
        return await withGracefulShutdownHandler {
            await withCheckedContinuation { done in
                Thread.detachNewThread { done.resume(returning: self.run(request, child)) }
            }
        } onGracefulShutdown: {
            child.end()
        }
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
            try process.run()
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

    /// Reads on another thread.
    /// - Returns: waits for the end and gives the text.
    private static func collect(
        _ file: FileHandle, most: Int
    ) -> () -> String {
        let box = SharedText()
        Thread.detachNewThread {
            let data = read(file, most: most) {} ?? Data()
            box.result.withLock { $0 = data }
            box.isThere.signal()
        }
        return {
            box.isThere.wait()
            return String(decoding: box.result.withLock { $0 }, as: UTF8.self)
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

private final class SharedText: Sendable {
    let result = Mutex<Data>(Data())
    let isThere = DispatchSemaphore(value: 0)
}

/// The process that runs one statement: less urgent than counting, and ended before its time when the service ends.
private final class Child: Sendable {
    private let state = Mutex<(pid: Int32, isOver: Bool)>((0, false))
    private static let niceness: Int32 = 10

    /// It was started.
    func began(_ pid: Int32) {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), id_t(pid), Self.niceness)
        let isOver = state.withLock { state in
            state.pid = pid
            return state.isOver
        }
        if isOver { end() }
    }

    /// It is gone, and its number may soon be another's.
    func ended() { state.withLock { $0.pid = 0 } }

    /// Ends it, now or as soon as it is started.
    func end() {
        state.withLock { state in
            state.isOver = true
            if state.pid > 0 { kill(state.pid, SIGKILL) }
        }
    }
}
