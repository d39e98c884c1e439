// Notifies a service manager, as sd_notify(3) does: readiness, the watchdog, and a status line (`systemctl status`).
// `ServiceNews` decides what to send, from the health alone; `ServiceManager` owns the socket.

import Health
import Foundation
import Glibc

/// Decides what to send to a service manager; called once a second.
struct ServiceNews {
    /// The service is ready when it counts. After waiting for Kafka this long it reports ready as well, with a status
    /// line that says so: a boot or a package upgrade must not hang because brokers are unreachable.
    static let longestWaitMilliseconds: Int64 = 30_000

    private var saidReady = false
    private var saidStopping = false
    private var saidStatus = ""

    /// The variables to send, one per line, without those that are unchanged.
    mutating func words(_ health: ServiceHealth) -> String {
        var words: [String] = []
        if !saidReady, Self.isReady(health) {
            saidReady = true
            words.append("READY=1")
        }
        if !saidStopping, health.phase == .stopping {
            saidStopping = true
            words.append("STOPPING=1")
        }
        let status = Self.status(health)
        if status != saidStatus {
            saidStatus = status
            words.append("STATUS=\(status)")
        }
        if Self.isAlive(health) { words.append("WATCHDOG=1") }
        return words.joined(separator: "\n")
    }

    private static func isReady(_ health: ServiceHealth) -> Bool {
        switch health.phase {
        case .running, .stopping, .finished: true
        case .starting: health.beatAt - health.startedAt >= longestWaitMilliseconds
        case .stopped, .failed: false
        }
    }

    /// Whether the loop runs, or has not started yet. A hung loop stops the watchdog messages.
    private static func isAlive(_ health: ServiceHealth) -> Bool {
        health.phase != .running || health.beatAt - health.loopAt <= StatusThresholds().hangMilliseconds
    }

    private static func status(_ health: ServiceHealth) -> String {
        let away = health.kafka.failingSince == nil ? nil : health.kafka.reason ?? "no broker answered"
        let status: String
        switch health.phase {
        case .starting:
            status = "waiting for Kafka at \(health.brokers), topic \(health.topic)" + (away.map { ": \($0)" } ?? "")
        case .running:
            status = away.map { "Kafka at \(health.brokers) is unreachable: \($0)" } ?? "counting \(health.topic)"
        case .stopping: status = "writing and exporting what was consumed"
        case .stopped, .finished: status = "stopped"
        case .failed: status = health.failure ?? "failed"
        }
        // One line, because text after a line break would be another variable.
        return status.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

/// systemd, or another manager with its protocol: datagrams to the socket that NOTIFY_SOCKET names.
struct ServiceManager {
    private let path: String?

    init(environment: [String: String]) { path = environment["NOTIFY_SOCKET"] }

    /// Whether there is a manager to notify.
    var listens: Bool { path?.isEmpty == false }

    /// Sends variables, one per line. A failed send is ignored: the service works without a manager.
    func say(_ words: String) {
        guard let path, !path.isEmpty, !words.isEmpty else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        // An abstract name begins with a NUL, written as @.
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { return }
        defer { close(file) }
        let text = Array(words.utf8)
        withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = sendto(file, text, text.count, Int32(MSG_NOSIGNAL), address, length)
            }
        }
    }
}
