// The heartbeat: the health of a service in the small file `STATE.health`.
//
// The file is overwritten in place, so that a full disk does not stop the heartbeat. A reader may therefore see a write
// half done: `parse` compares the numbers in the first and the last line, and `read` retries. Nothing else depends on
// the file.

import Base
package import Foundation
import Glibc

/// The file of one state's heartbeat.
package final class HealthFile {
    private let descriptor: Int32
    private var number: UInt64 = 0

    /// The path of a state's heartbeat, beside the file that the state's path leads to.
    package static func path(ofState state: String) -> String {
        guard let real = realpath(state, nil) else { return state + ".health" }
        defer { free(real) }
        return String(cString: real) + ".health"
    }

    /// Opens the file for writing. nil when it cannot be opened: the service continues without a heartbeat.
    package init?(state: String) {
        // Whoever may read the state may read the heartbeat.
        var facts = stat()
        let mode = stat(state, &facts) == 0 ? facts.st_mode & 0o644 : 0o600
        descriptor = open(Self.path(ofState: state), O_RDWR | O_CREAT | O_CLOEXEC, mode)
        if descriptor < 0 { return nil }
    }

    deinit { close(descriptor) }

    /// Writes the health. Ignores failures: the next beat writes again.
    package func write(_ health: ServiceHealth) {
        guard let json = try? JSONEncoder().encode(health) else { return }
        number &+= 1
        let text = "\(number) \(health.pid)\n" + String(decoding: json, as: UTF8.self) + "\n\(number) \(health.pid)\n"
        let bytes = Array(text.utf8)
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else { return }
        _ = ftruncate(descriptor, off_t(bytes.count))
    }

    /// The last heartbeat of a state's service; nil when there is none, or none that can be read in five attempts.
    package static func read(state: String) -> ServiceHealth? {
        for attempt in 0..<5 {
            if attempt > 0 { usleep(10_000) }
            guard let data = FileManager.default.contents(atPath: path(ofState: state)) else { return nil }
            if let health = parse(data) { return health }
        }
        return nil
    }

    /// The health in the bytes of the file; nil when they are of different writes or incomplete, or have a number beyond
    /// 2^53, whose differences could overflow.
    package static func parse(_ data: Data) -> ServiceHealth? {
        let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.count >= 4, lines[0] == lines[2], !lines[0].isEmpty else { return nil }
        let json = Data(lines[1])
        guard let values = try? JSONSerialization.jsonObject(with: json), hasPlausibleNumbers(values) else {
            return nil
        }
        return try? JSONDecoder().decode(ServiceHealth.self, from: json)
    }

    private static func hasPlausibleNumbers(_ value: Any) -> Bool {
        switch value {
        case let number as NSNumber: abs(number.doubleValue) <= Double(Plausible.count.upperBound)
        case let list as [Any]: list.allSatisfy(hasPlausibleNumbers)
        case let object as [String: Any]: object.values.allSatisfy(hasPlausibleNumbers)
        default: true
        }
    }
}
