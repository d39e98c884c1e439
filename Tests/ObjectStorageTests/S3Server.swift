// A SeaweedFS of the test process's own, started by scripts/start-s3.sh when the first test needs it.

import Foundation
import HTTP
import ObjectStorage

struct S3Server: Sendable {
    struct CannotStart: Error, CustomStringConvertible { var description: String }

    static let accessKey = "testkey"
    static let secret = "testsecret"
    private static let started = Task {
        // On a thread of its own: it waits for a process.
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try start() }) }
        }
    }

    /// The running server; every test gets the same one. Throws when it could not be started.
    static var shared: S3Server { get async throws { try await started.value } }

    let endpoint: String
    let client: HTTPClient

    func settings(pathStyle: Bool = true) -> S3Settings {
        let host = pathStyle ? endpoint : endpoint.replacing("127.0.0.1", with: "s3.localhost")
        return S3Settings(
            endpoint: host, pathStyle: pathStyle,
            credentials: .fixed(Credentials(accessKeyID: Self.accessKey, secretAccessKey: Self.secret)))
    }

    func store(bucket: String = "plain", _ settings: S3Settings? = nil) throws -> S3Store {
        try S3Store(bucket: bucket, settings: settings ?? self.settings(), client: client)
    }

    private static func start() throws -> S3Server {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path(percentEncoded: false)
        let python = ProcessInfo.processInfo.environment["PAGEVIEWS_TEST_PYTHON"] ?? "\(root).venv/bin/python"
        let environment = URL(filePath: python).deletingLastPathComponent().deletingLastPathComponent()
        let folder = FileManager.default.temporaryDirectory.appending(path: "pageviews-s3-\(UUID().uuidString)")
            .path(percentEncoded: false)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        endAtExit(folder)
        let output = try run(
            "\(root)scripts/start-s3.sh",
            [
                environment.path(percentEncoded: false), folder, "--port-base", "auto", "--owner",
                "\(ProcessInfo.processInfo.processIdentifier)",
            ])
        let line = output.split(separator: "\n").first { $0.hasPrefix("S3_ENDPOINT=") }
        guard let line else { throw CannotStart(description: output) }
        return S3Server(endpoint: String(line.dropFirst("S3_ENDPOINT=".count)), client: try HTTPClient())
    }

    /// Foundation's Process waits for every heir of its socket to end, so for the server too; hence posix_spawn.
    private static func run(_ path: String, _ arguments: [String]) throws -> String {
        let log = arguments[1] + "/start.log"
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let variables = ProcessInfo.processInfo.environment.merging([
            "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secret,
        ]) { $1 }
        var argv = (["/bin/bash", path] + arguments).map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid = pid_t()
        guard posix_spawn(&pid, "/bin/bash", &actions, nil, &argv, &envp) == 0 else {
            throw CannotStart(description: "bash cannot be started")
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let output = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        guard status == 0 else { throw CannotStart(description: output) }
        return output
    }

    nonisolated(unsafe) private static var folderToRemove = ""

    private static func endAtExit(_ folder: String) {
        folderToRemove = folder
        atexit {
            let pid = try? String(contentsOfFile: S3Server.folderToRemove + "/s3.pid", encoding: .utf8)
            if let pid, let number = Int32(pid.trimmingCharacters(in: .whitespacesAndNewlines)), number > 1 {
                kill(number, SIGKILL)
            }
            try? FileManager.default.removeItem(atPath: S3Server.folderToRemove)
        }
    }
}
