// Reads lines from a person at a terminal through libreadline's callback interface. The event loop is ours, so that
// Ctrl-C and a new terminal size arrive as ordinary events and no signal handler jumps out of a call.
// Invariants: readline's state is global, so a process has one editor, and `read` does not nest. `read` restores the
// terminal before it returns, on every path. Readline waits for a key only in `readKey`, which polls for an interrupt
// as the loop does. No read of the terminal blocks: Ctrl-C empties the terminal's queue, so a key that poll saw may be
// gone.

import CReadline
import Glibc
import Synchronization

/// The outcome of `LineEditor.read`.
package enum LineEvent: Equatable, Sendable {
    /// A line, without its line break. A pasted text of several lines is one line.
    case line(String)
    /// Ctrl-C: the line was discarded.
    case interrupted
    /// Ctrl-D on an empty line, or the terminal was disconnected.
    case end
}

/// The words that the editor offers when the user presses TAB.
package struct Completions: Equatable, Sendable {
    /// Replacements for the word at the cursor, best first.
    package var candidates: [String]
    /// The character to insert after the only candidate; nil for none.
    package var suffix: Character?
    /// Complete file names instead of `candidates`.
    package var isFileName = false

    /// - Parameters:
    ///   - candidates: replacements for the word at the cursor, best first.
    ///   - suffix: the character to insert after the only candidate; nil for none.
    package init(_ candidates: [String] = [], suffix: Character? = " ") {
        (self.candidates, self.suffix) = (candidates, suffix)
    }

    /// Completion of file names.
    package static let files: Completions = {
        var result = Completions()
        result.isFileName = true
        return result
    }()
}

/// Set by the handler of SIGWINCH.
private let terminalWasResized = Atomic<Bool>(false)

/// Set by the handler of SIGCONT.
private let processWasContinued = Atomic<Bool>(false)

/// Edits lines with the user's own key bindings (~/.inputrc), history and completion.
package final class LineEditor {
    /// Completes the word that ends at the cursor. `start` is the word's byte offset in the line.
    package var complete: (_ line: String, _ start: Int, _ word: String) -> Completions = { _, _, _ in Completions() }

    /// The editor for readline's callbacks, which carry no context.
    nonisolated(unsafe) private static var current: LineEditor?
    nonisolated(unsafe) private static var finished: LineEvent?
    nonisolated(unsafe) private static var isInterrupted: (() -> Bool)?
    /// `readKey` returned without a key because of an interrupt.
    nonisolated(unsafe) private static var wasCutShort = false

    /// Creates the process's only editor. Readline reads ~/.inputrc, including its `$if pageviews` section.
    package init() {
        precondition(Self.current == nil, "a process has one line editor")
        Self.assumeUTF8()
        pv_rl_configure(Self.attemptCompletion, Self.readKey)
        using_history()
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in terminalWasResized.store(true, ordering: .relaxed) }
        sigaction(SIGWINCH, &action, nil)
        action.__sigaction_handler.sa_handler = { _ in processWasContinued.store(true, ordering: .relaxed) }
        sigaction(SIGCONT, &action, nil)
        Self.current = self
    }

    /// Readline takes the character encoding from these variables; the default here is UTF-8.
    private static func assumeUTF8() {
        let names: [String] = ["LC_ALL", "LC_CTYPE", "LANG"]
        let isSaid = names.contains { (name: String) in getenv(name).map { $0.pointee != 0 } ?? false }
        if !isSaid { setenv("LC_CTYPE", "C.UTF-8", 1) }
    }

    /// Lets the user type one line.
    /// - Parameters:
    ///   - prompt: shown before the line.
    ///   - text: the line's initial content.
    ///   - isInterrupted: polled at least every 100 ms, also before the first key; true discards the line.
    package func read(prompt: String, text: String = "", isInterrupted: () -> Bool) -> LineEvent {
        withoutActuallyEscaping(isInterrupted) { isInterrupted in
            precondition(Self.isInterrupted == nil, "read does not nest")
            Self.isInterrupted = isInterrupted
            defer { Self.isInterrupted = nil }
            Self.finished = nil
            processWasContinued.store(false, ordering: .relaxed)
            rl_callback_handler_install(prompt, Self.lineIsDone)
            defer { rl_callback_handler_remove() }
            if !text.isEmpty { pv_rl_insert(text) }
            return edit(isInterrupted)
        }
    }

    private func edit(_ isInterrupted: () -> Bool) -> LineEvent {
        while true {
            if isInterrupted() { return giveUp() }
            if processWasContinued.exchange(false, ordering: .relaxed) { pv_rl_resume() }
            if terminalWasResized.exchange(false, ordering: .relaxed) { rl_resize_terminal() }
            guard let isReady = Self.waitForInput() else { return .end }
            guard isReady else { continue }
            rl_callback_read_char()
            // Checked first: readline may report the interrupted line as entered.
            if Self.wasCutShort { return giveUp() }
            if let event = Self.finished { return event }
        }
    }

    private func giveUp() -> LineEvent {
        Self.wasCutShort = false
        pv_rl_abandon_line()
        return .interrupted
    }

    /// Waits for input, at most 100 ms: another thread may receive the signals, so the caller polls for them.
    /// - Returns: false when there is no input yet; nil when there will be none.
    private static func waitForInput() -> Bool? {
        var input = pollfd(fd: pv_rl_input_descriptor(), events: Int16(POLLIN), revents: 0)
        let count = poll(&input, 1, 100)
        if count < 0 { return errno == EINTR ? false : nil }
        if count > 0, input.revents & Int16(POLLIN) == 0 { return nil }
        return count > 0
    }

    /// Whether the terminal is connected. On a disconnected one, poll reports input and a read returns no byte.
    private static func isConnected() -> Bool {
        var input = pollfd(fd: pv_rl_input_descriptor(), events: Int16(POLLIN), revents: 0)
        return poll(&input, 1, 0) < 0 || input.revents & Int16(POLLHUP | POLLERR | POLLNVAL) == 0
    }

    /// Readline's source of bytes: the next byte, EOF, or READERR on an interrupt.
    private static let readKey: @convention(c) (UnsafeMutablePointer<FILE>?) -> CInt = { _ in
        while true {
            if isInterrupted?() == true {
                wasCutShort = true
                return READERR
            }
            guard let isReady = waitForInput() else { return EOF }
            guard isReady else { continue }
            var byte: UInt8 = 0
            let count = Glibc.read(pv_rl_input_descriptor(), &byte, 1)
            if count == 1 { return CInt(byte) }
            if count == 0 ? !isConnected() : errno != EINTR && errno != EAGAIN { return EOF }
        }
    }

    private static let lineIsDone: @convention(c) (UnsafeMutablePointer<CChar>?) -> Void = { line in
        // Otherwise readline shows the prompt again at once.
        rl_callback_handler_remove()
        guard let line else {
            finished = .end
            return
        }
        finished = .line(String(cString: line))
        free(line)
    }
}

// MARK: Completion

extension LineEditor {
    private typealias Matches = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

    private static let attemptCompletion:
        @convention(c) (UnsafePointer<CChar>?, CInt, CInt) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = {
            text, start, _ in
            guard let editor = current, let text else { return nil }
            let answer = editor.complete(String(cString: pv_rl_line()), Int(start), String(cString: text))
            let suffix = answer.suffix?.asciiValue.map(CInt.init) ?? 0
            pv_rl_completion_style(suffix, answer.isFileName ? 1 : 0)
            return answer.isFileName ? pv_rl_file_matches(text) : matches(answer.candidates, for: String(cString: text))
        }

    /// The list in readline's form: the text that replaces the word, all candidates, nil. Readline frees it.
    private static func matches(_ candidates: [String], for typed: String) -> Matches? {
        guard let first = candidates.first else { return nil }
        let common = candidates.dropFirst().reduce(first) { commonPrefix($0, $1) }
        // Candidates may differ in case from the typed word; the replacement must not be shorter than it.
        let extended = common.count >= typed.count ? common : typed
        let words = candidates.count == 1 ? [first] : [extended] + candidates
        guard let memory = calloc(words.count + 1, MemoryLayout<UnsafeMutablePointer<CChar>?>.stride) else {
            return nil
        }
        let list = memory.bindMemory(to: UnsafeMutablePointer<CChar>?.self, capacity: words.count + 1)
        for (index, word) in words.enumerated() { list[index] = strdup(word) }
        return list
    }

    private static func commonPrefix(_ first: String, _ second: String) -> String {
        String(zip(first, second).prefix { $0 == $1 }.map(\.0))
    }
}

// MARK: History

extension LineEditor {
    /// Adds an entry to the history, for the arrow keys and Ctrl-R.
    package func remember(_ entry: String) { add_history(entry) }

    /// Keeps this number of the newest history entries.
    package func limitHistory(to count: Int) { stifle_history(CInt(clamping: count)) }
}
