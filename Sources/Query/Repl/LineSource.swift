// Sources of the prompt's lines: a terminal, a script on standard input, or a text.

import Glibc
import LineEditor

/// A source of lines.
protocol LineSource: AnyObject {
    /// A person types the lines: the source shows a prompt, and an error does not end the session.
    var isInteractive: Bool { get }
    /// The next line.
    /// - Parameter idle: called at intervals while there is no line.
    func next(prompt: String, idle: () -> Void) -> LineEvent
    /// Makes an entry reachable with the arrow keys.
    func remember(_ entry: String)
    /// The reason for an early end; the last line is then incomplete and must not run.
    var failure: QueryError? { get }
}

extension LineSource {
    var failure: QueryError? { nil }
    func remember(_ entry: String) {}
}

/// The lines of a text.
final class TextLines: LineSource {
    let isInteractive = false
    private var lines: ArraySlice<Substring>

    init(_ text: String) {
        // Split by bytes: only a line feed ends a line of SQL; Unicode's other line breaks are part of the text.
        lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { Substring($0) }[...]
        // A line break at the end does not start another line.
        if lines.last?.isEmpty == true { lines.removeLast() }
    }

    func next(prompt: String, idle: () -> Void) -> LineEvent { lines.popFirst().map { .line(String($0)) } ?? .end }
}

/// Lines from a file descriptor other than a terminal, as they arrive.
final class DescriptorLines: LineSource {
    /// The maximum length of a line in bytes; a longer one ends the input with an error.
    private static let lineLimitBytes = 8 << 20

    let isInteractive = false
    private let descriptor: Int32
    private let interrupt: InterruptFlag
    private var buffer: [UInt8] = []
    private var consumed = 0
    private var hasEnded = false
    private var isFirst = true
    private(set) var failure: QueryError?

    init(descriptor: Int32, interrupt: InterruptFlag) { (self.descriptor, self.interrupt) = (descriptor, interrupt) }

    func next(prompt: String, idle: () -> Void) -> LineEvent {
        var searched = consumed
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) { return .line(take(to: end, skipping: 1)) }
            searched = buffer.count
            if failure != nil { return .end }
            if hasEnded { return consumed < buffer.count ? .line(take(to: buffer.count, skipping: 0)) : .end }
            if interrupt.isRaised { return .interrupted }
            idle()
            fill()
            searched -= dropConsumed()
        }
    }

    private func take(to end: Int, skipping: Int) -> String {
        defer { consumed = end + skipping }
        return String(decoding: buffer[consumed..<end], as: UTF8.self)
    }

    /// - Returns: the number of bytes dropped.
    private func dropConsumed() -> Int {
        defer { consumed = 0 }
        buffer.removeFirst(consumed)
        return consumed
    }

    private func fill() {
        var input = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&input, 1, 100) > 0 else { return }
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0, errno == EINTR || errno == EAGAIN { return }
        if count < 0 { failure = .usage("cannot read the standard input: \(String(cString: strerror(errno)))") }
        buffer += InputFile.withoutMark(chunk.prefix(max(0, count)), isFirst: isFirst)
        isFirst = isFirst && count < 0
        hasEnded = count <= 0
        if !chunk.prefix(max(0, count)).contains(0x0A), buffer.count - consumed > Self.lineLimitBytes {
            failure = .limit("a line of the standard input is longer than \(Self.lineLimitBytes >> 20) MiB")
        }
    }
}

/// Lines from the line editor.
final class EditorLines: LineSource {
    let isInteractive = true
    private let editor: LineEditor
    private let interrupt: InterruptFlag

    init(editor: LineEditor, interrupt: InterruptFlag) { (self.editor, self.interrupt) = (editor, interrupt) }

    func next(prompt: String, idle: () -> Void) -> LineEvent {
        editor.read(prompt: prompt) {
            idle()
            return interrupt.isRaised
        }
    }

    func remember(_ entry: String) { editor.remember(entry) }
}
