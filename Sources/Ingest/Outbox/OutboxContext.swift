// Shared by the parts of a publisher: settings, time, the health board, and access to the state that waits while the
// state is busy.

import Health
import Base
import Kafka
import Log
import SQLite
import State

/// Thrown when a stop was requested and the remaining time is over. Not a failure.
struct OutboxStopped: Error {}

/// The context of one publisher.
final class OutboxContext {
    let settings: OutboxSettings
    let time: TimeSource
    let log: Logger
    let cluster: any OutboxCluster
    private let store: SharedStore
    private let stop: StopSignal
    private let board: HealthBoard?
    private let remaining: () -> Int64
    private var lastComplaint: String?
    /// The right on the topic that the current step needs; for error texts.
    var neededRight = "DESCRIBE"

    init(
        settings: OutboxSettings, store: SharedStore, stop: StopSignal, time: TimeSource, board: HealthBoard?,
        log: Logger, cluster: any OutboxCluster, remaining: @escaping () -> Int64
    ) {
        self.cluster = cluster
        (self.settings, self.store, self.stop, self.time) = (settings, store, stop, time)
        (self.board, self.log, self.remaining) = (board, log, remaining)
    }

    /// A stop was requested, and the remaining time is over.
    var isOver: Bool { stop.wasSet && remaining() <= 0 }

    func checkTime() throws {
        if isOver { throw OutboxStopped() }
    }

    /// Waits. After a stop request it waits at most 200 ms and no longer than the remaining time.
    func rest(_ milliseconds: Int64) {
        if stop.wasSet {
            time.wait(StopSignal(), milliseconds: max(0, min(milliseconds, 200, remaining())))
        } else {
            time.wait(stop, milliseconds: milliseconds)
        }
    }

    /// A timeout for a request, in milliseconds: at least 1, and after a stop request at most the remaining time.
    func limit(_ milliseconds: Int64) -> Int32 {
        Int32(clamping: max(1, stop.wasSet ? min(milliseconds, remaining()) : milliseconds))
    }

    /// Reads or writes the state. Retries while the state is busy or the disk is full, as the flush does.
    /// - Throws: `OutboxStopped`, `SQLiteError` for a damaged state, and what `body` throws.
    func state<Result>(_ body: (Store) throws -> Result) throws -> Result {
        var pause = Backoff()
        while true {
            do {
                return try store.with(body)
            } catch let error as SQLiteError where !error.isCorrupt {
                let reason = error.isDiskFull ? "the disk is full" : error.message
                complain("state \(store.path) cannot be written: \(reason); publishing waits, trying again")
                try checkTime()
                rest(pause.next())
            }
        }
    }

    // MARK: Reports

    /// Reports that publishing works or has nothing to do.
    func succeeded() {
        lastComplaint = nil
        board?.published(settings.name, now: time.wall())
    }

    /// Reports that publishing does not work. Logs the text unless it is the same as before.
    func complain(_ text: String, _ facts: Logger.Metadata = [:]) {
        board?.publishingFailed(settings.name, text, now: time.wall())
        guard text != lastComplaint else { return }
        lastComplaint = text
        log.warning("\(text)", metadata: facts)
    }

    /// The last complaint; nil while publishing works.
    var complaint: String? { lastComplaint }
}
