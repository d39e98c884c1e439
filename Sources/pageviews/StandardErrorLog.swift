// Log lines on standard error: time, level, text.

internal import Foundation
internal import Logging

/// One line a message: `2026-01-02T03:04:05Z warning  text`.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let time = Date().ISO8601Format()
        let level = event.level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
        let text = event.message.description.replacingOccurrences(of: "\n", with: " ")
        try? FileHandle.standardError.write(contentsOf: Data("\(time) \(level) \(text)\n".utf8))
    }
}
