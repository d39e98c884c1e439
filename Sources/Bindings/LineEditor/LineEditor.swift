// One line from a person at a terminal, by libreadline's callback interface: the loop around it is ours, so that Ctrl-C
// and a new terminal size arrive as ordinary events and nothing jumps out of a signal handler.
// Invariants: readline has one global state, so there is one editor per process, used by one thread; between two calls of
// `read` the terminal is as it was before the first; readline waits for a key nowhere but in `readKey`, which looks for
// an interrupt as the loop does, and no read of the terminal waits: Ctrl-C empties its queue, so that a key that poll has
// seen may be gone.

import CReadline
import Glibc
import Synchronization

/// What a call of `LineEditor.read` ended with.
package enum LineEvent: Equatable, Sendable {
    /// A line, without its line break. A pasted text with several lines is one line here.
    case line(String)
    /// Ctrl-C: the line was given up.
    case interrupted
    /// Ctrl-D on an empty line, or the terminal has gone.
    case end
}

/// What the editor offers when TAB is pressed.
package struct Completions: Equatable, Sendable {
    /// The words that may stand for the one at the cursor, best first.
    package var candidates: [String]
    /// Follows the word when there is only one candidate.
    package var suffix: Character?
    /// Complete file names instead of `candidates`.
    package var isFileName = false

    /// - Parameters:
    ///   - candidates: the words that may stand for the one at the cursor, best first.
    ///   - suffix: follows the word when there is only one candidate.
    package init(_ candidates: [String] = [], suffix: Character? = " ") {
        (self.candidates, self.suffix) = (candidates, suffix)
    }

    /// The names of files.
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
    /// Answers for the word that ends at the cursor: the whole line, the byte where the word starts, and the word.
    package var complete: (_ line: String, _ start: Int, _ word: String) -> Completions = { _, _, _ in Completions() }

    /// The editor that readline's callbacks reach; they carry no context of their own.
    nonisolated(unsafe) private static var current: LineEditor?
    nonisolated(unsafe) private static var finished: LineEvent?
    nonisolated(unsafe) private static var isInterrupted: (() -> Bool)?
    /// `readKey` has answered that there is no key because of an interrupt.
    nonisolated(unsafe) private static var wasCutShort = false

    /// Makes the process's editor. It reads ~/.inputrc, where `$if pageviews` applies to it.
    package init() {
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

    /// Readline asks these variables how characters are made of bytes; where none says anything, it is UTF-8.
    private static func assumeUTF8() {
        let names: [String] = ["LC_ALL", "LC_CTYPE", "LANG"]
        let isSaid = names.contains { (name: String) in getenv(name).map { $0.pointee != 0 } ?? false }
        if !isSaid { setenv("LC_CTYPE", "C.UTF-8", 1) }
    }

    /// Lets the user type one line.
    /// - Parameters:
    ///   - prompt: shown before the line.
    ///   - text: what the line holds at first.
    ///   - isInterrupted: asked often, also before the first key; true gives the line up.
    package func read(prompt: String, text: String = "", isInterrupted: () -> Bool) -> LineEvent {
        withoutActuallyEscaping(isInterrupted) { isInterrupted in
            Self.isInterrupted = isInterrupted
            defer { Self.isInterrupted = nil }
            Self.finished = nil
            Self.current = self
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
            // A line that readline gave up for the interrupt is none that was entered.
            if Self.wasCutShort { return giveUp() }
            if let event = Self.finished { return event }
        }
    }

    private func giveUp() -> LineEvent {
        Self.wasCutShort = false
        pv_rl_abandon_line()
        return .interrupted
    }

    /// Waits a moment: signals may go to another thread, so they are looked for now and then.
    /// - Returns: false when there was no input; nil when there never will be any.
    private static func waitForInput() -> Bool? {
        var input = pollfd(fd: pv_rl_input_descriptor(), events: Int16(POLLIN), revents: 0)
        let count = poll(&input, 1, 100)
        if count < 0 { return errno == EINTR ? false : nil }
        if count > 0, input.revents & Int16(POLLIN) == 0 { return nil }
        return count > 0
    }

    /// Whether the other side of the terminal is there: without it poll sees input, and a read gets nothing.
    private static func isConnected() -> Bool {
        var input = pollfd(fd: pv_rl_input_descriptor(), events: Int16(POLLIN), revents: 0)
        return poll(&input, 1, 0) < 0 || input.revents & Int16(POLLHUP | POLLERR | POLLNVAL) == 0
    }

    /// Where readline gets each byte: the next one, or the end, or nothing more because of an interrupt.
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
        // Without this readline would show the prompt again at once.
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

    /// What readline wants: the text that replaces the word, then all candidates, then nil; it frees them.
    private static func matches(_ candidates: [String], for typed: String) -> Matches? {
        guard let first = candidates.first else { return nil }
        let common = candidates.dropFirst().reduce(first) { commonPrefix($0, $1) }
        // Candidates that differ in case from what was typed must not take any of it away.
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
    /// Adds an entry to what the arrow keys and Ctrl-R find.
    package func remember(_ entry: String) { add_history(entry) }

    /// Forgets the oldest entries beyond this number.
    package func limitHistory(to count: Int) { stifle_history(CInt(clamping: count)) }
}
