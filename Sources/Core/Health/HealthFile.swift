// The heartbeat: the health of a service in the small file `STATE.health`.
// Invariants: it is written in place, so that a full disk does not silence it; a reader that comes in the middle of a write
// notices (the number in the last line is not the one in the first) and looks again; losing the file loses nothing else.

package import Foundation
import Glibc

/// The file of one state's heartbeat.
package final class HealthFile {
    private let descriptor: Int32
    private var number: UInt64 = 0

    /// Where the heartbeat of a state is.
    package static func path(ofState state: String) -> String {
        guard let real = realpath(state, nil) else { return state + ".health" }
        defer { free(real) }
        return String(cString: real) + ".health"
    }

    /// Opens the file for writing. nil when the folder refuses it: the service continues without a heartbeat.
    package init?(state: String) {
        // Readers of the state may read the health of its service.
        var facts = stat()
        let mode = stat(state, &facts) == 0 ? facts.st_mode & 0o644 : 0o600
        descriptor = open(Self.path(ofState: state), O_RDWR | O_CREAT | O_CLOEXEC, mode)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Writes the health as of now. What cannot be written is retried with the next beat.
    package func write(_ health: ServiceHealth) {
        guard let json = try? JSONEncoder().encode(health) else { return }
        number &+= 1
        let text = "\(number) \(health.pid)\n" + String(decoding: json, as: UTF8.self) + "\n\(number) \(health.pid)\n"
        let bytes = Array(text.utf8)
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else { return }
        _ = ftruncate(descriptor, off_t(bytes.count))
    }

    /// What the last service of a state wrote; nil when there is nothing that can be read.
    package static func read(state: String) -> ServiceHealth? {
        for attempt in 0..<5 {
            if attempt > 0 { usleep(10_000) }
            guard let data = FileManager.default.contents(atPath: path(ofState: state)) else { return nil }
            if let health = parse(data) { return health }
        }
        return nil
    }

    /// The health in the bytes of the file; nil when they are not whole.
    package static func parse(_ data: Data) -> ServiceHealth? {
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.count >= 4, lines[0] == lines[2], !lines[0].isEmpty else { return nil }
        return try? JSONDecoder().decode(ServiceHealth.self, from: Data(lines[1]))
    }
}
