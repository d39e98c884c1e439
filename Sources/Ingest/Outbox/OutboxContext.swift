// What the parts of a publisher share: settings, time, the board, and writes to the state that wait.

import Health
import Base
import Kafka
import Log
import SQLite
import State

/// The time that was left is over, or the publisher was told to stop: not an error.
struct OutboxStopped: Error {}

/// The surroundings of one publisher.
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
    /// The right on the topic that the step under way needs.
    var neededRight = "DESCRIBE"

    init(
        settings: OutboxSettings, store: SharedStore, stop: StopSignal, time: TimeSource, board: HealthBoard?,
        log: Logger, cluster: any OutboxCluster, remaining: @escaping () -> Int64
    ) {
        self.cluster = cluster
        (self.settings, self.store, self.stop, self.time) = (settings, store, stop, time)
        (self.board, self.log, self.remaining) = (board, log, remaining)
    }

    /// The service was told to stop.
    var isEnding: Bool { stop.wasSet }

    /// The service was told to stop, and the time for what is left is over.
    var isOver: Bool { stop.wasSet && remaining() <= 0 }

    func checkTime() throws {
        if isOver { throw OutboxStopped() }
    }

    /// Waits, not beyond the time that is left.
    func rest(_ milliseconds: Int64) {
        if stop.wasSet {
            time.wait(StopSignal(), milliseconds: max(0, min(milliseconds, 200, remaining())))
        } else {
            time.wait(stop, milliseconds: milliseconds)
        }
    }

    /// A time limit for a question to Kafka, in milliseconds: short, and never beyond the time that is left.
    func limit(_ milliseconds: Int64) -> Int32 {
        Int32(clamping: max(1, stop.wasSet ? min(milliseconds, remaining()) : milliseconds))
    }

    /// Reads or writes the state. While it is busy or the disk is full this waits, as the flush does.
    /// - Throws: `OutboxStopped`, `SQLiteError` of a damaged state, and what `body` throws.
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

    // MARK: What the operator sees

    /// Publishing works, or has nothing to do.
    func succeeded() {
        lastComplaint = nil
        board?.published(settings.name, now: time.wall())
    }

    /// Publishing does not work. Logs what is new.
    func complain(_ text: String, _ facts: Logger.Metadata = [:]) {
        board?.publishingFailed(settings.name, text, now: time.wall())
        guard text != lastComplaint else { return }
        lastComplaint = text
        log.warning("\(text)", metadata: facts)
    }

    /// The last complaint, while publishing does not work.
    var complaint: String? { lastComplaint }
}
