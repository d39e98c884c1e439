// Shows the progress of a backfill on standard error.

import Recovery
import Foundation

/// A bar on a terminal; elsewhere one line per tenth.
struct BackfillProgress {
    let isTerminal: Bool
    private var lastTenth = 0
    private var isShown = false

    init(isTerminal: Bool) { self.isTerminal = isTerminal }

    mutating func clear() {
        if isShown { StandardStream.error.write("\r\u{1B}[K") }
        isShown = false
    }

    mutating func show(_ step: BackfillStep) {
        let tenth = step.windowsDone * 10 / max(1, step.windowsInAll)
        let text = "\(step.windowsDone) of \(step.windowsInAll) windows"
        if isTerminal {
            guard step.windowsDone < step.windowsInAll else { return }
            let filled = step.windowsDone * 40 / max(1, step.windowsInAll)
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 40 - filled)
            StandardStream.error.write("\r[\(bar)] \(text)")
            isShown = true
        } else if tenth > lastTenth, step.windowsDone < step.windowsInAll {
            StandardStream.error.write("backfill: \(text)\n")
        }
        lastTenth = max(lastTenth, tenth)
    }
}
