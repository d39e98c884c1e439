// Reads the state for the pages, one reader at a time, and reuses what it has read recently.

import Health
import Base
import Dashboard
import Dispatch
import Foundation
import Ingest
import SQLite

/// The report and the view series of the service in this process.
final class StatusProvider: @unchecked Sendable {
    // All below is used on the queue only.
    private let queue = DispatchQueue(label: "status")
    private let reader: StatusReader
    private let board: HealthBoard
    private let path: String
    private var report: (at: Int64, value: StatusReport)?
    private var series: (until: Int64, value: ViewSeries) = (0, ViewSeries())
    private static let freshMilliseconds: Int64 = 200
    private static let timeoutMilliseconds: Int64 = 2000

    init(path: String, board: HealthBoard) {
        self.path = path
        self.board = board
        reader = StatusReader(path: path)
    }

    /// The report, at most 0.2 s old. Blocks while the state is read.
    func currentReport() -> StatusReport { queue.sync { readReport() } }

    /// The view series, at least as recent as its cost allows. Blocks while the state is read.
    func currentSeries() -> ViewSeries { queue.sync { readSeries() } }

    private func readReport() -> StatusReport {
        let clock = TimeSource.system.monotonic()
        if let report, clock - report.at < Self.freshMilliseconds { return report.value }
        var facts: StatusFacts
        do {
            facts = try reader.facts(now: TimeSource.system.wall())
        } catch {
            facts = StatusFacts(now: TimeSource.system.wall(), path: path)
            facts.unreadable = (error as? SQLiteError)?.message ?? "\(error)"
        }
        facts.health = board.current
        facts.health?.beatAt = facts.now
        facts.processExists = true
        let value = StatusReport(facts)
        report = (clock, value)
        return value
    }

    /// Caches the series for 20 times as long as reading it took, at least 0.5 s.
    private func readSeries() -> ViewSeries {
        let begin = TimeSource.system.monotonic()
        guard begin >= series.until else { return series.value }
        let deadline = begin + Self.timeoutMilliseconds
        let read = try? reader.views(now: TimeSource.system.wall()) { TimeSource.system.monotonic() < deadline }
        let end = TimeSource.system.monotonic()
        series = (end + max(500, 20 * (end - begin)), read ?? series.value)
        return series.value
    }
}
