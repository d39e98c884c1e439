// The heartbeat: once a second the service's health goes into the file beside the state, for `pageviews status`; a service
// manager that wants to know is told as well (sd_notify(3)).

internal import Foundation
internal import Glibc
internal import Ingest
internal import Store

/// Makes the heartbeat's service. It is started first and ends last, so that it sees the others' end.
enum Heartbeat {
    static let milliseconds: Int64 = 1000

    static func service(_ board: HealthBoard, state: String, end: EndOfInput) -> ThreadService {
        let stop = StopSignal()
        return ThreadService(name: "heartbeat", stop: stop) {
            let file = HealthFile(state: state)
            let manager = ServiceManager(environment: ProcessInfo.processInfo.environment)
            beat(board, state, file)
            manager.say("READY=1")
            while !stop.wait(milliseconds: milliseconds) {
                beat(board, state, file)
                if isAlive(board.current) { manager.say("WATCHDOG=1") }
            }
            manager.say("STOPPING=1")
            board.enter(end.wasReached ? .finished : .stopped)
            beat(board, state, file)
        }
    }

    private static func beat(_ board: HealthBoard, _ state: String, _ file: HealthFile?) {
        let now = TimeSource.system.wall()
        let memory = ProcessReadings.residentBytes()
        let readers = ProcessReadings.readers(ofState: state)
        board.update { health in
            (health.beatAt, health.residentBytes) = (now, memory)
            health.see(readers: readers, now: now)
        }
        file?.write(board.current)
    }

    /// The loop turns, or waits for Kafka to begin; a loop that stands still is not hidden from the watchdog.
    private static func isAlive(_ health: ServiceHealth) -> Bool {
        health.phase != .running || health.beatAt - health.loopAt <= StatusThresholds().hangMilliseconds
    }
}

/// systemd, or whoever speaks its protocol: datagrams to the socket that NOTIFY_SOCKET names.
struct ServiceManager {
    private let path: String?

    init(environment: [String: String]) { path = environment["NOTIFY_SOCKET"] }

    func say(_ words: String) {
        guard let path, !path.isEmpty else { return }
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
