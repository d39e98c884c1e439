// Runs a publisher as a service beside counting.
//
// The service ends at most 0.5 s after its deadline, whatever Kafka does. The publisher checks the deadline itself; a
// call of librdkafka that does not return is abandoned on its thread, and `run` returns without it (docs/adr/0015).

import Health
import Base
import Foundation
import Ingest
import Log
import Services
import State

/// Runs one publisher. It ends after counting, so that it publishes the last flush.
struct PublishingService: Service {
    let settings: OutboxSettings
    let store: SharedStore
    let end: EndOfInput
    let board: HealthBoard
    let failPoint: @Sendable (String) -> Void
    let log: Logger
    var name: String { "publish-\(settings.name.rawValue)" }
    /// How long publishing may continue after the service was told to stop.
    private static let stopLimit = Duration.milliseconds(2500)
    /// How long publishing may continue after the end of the input.
    private static let limitAtEnd = Duration.seconds(60)
    /// How long after the deadline to wait for a call that does not return.
    private static let grace = Duration.milliseconds(500)

    private enum Event {
        case ended(Result<String?, any Error>)
        case tick
    }

    /// The settings, completed from those of the service.
    static func complete(_ settings: OutboxSettings, _ ingest: IngestSettings) -> OutboxSettings {
        var settings = settings
        settings.sourceTopic = ingest.topic
        settings.partitions = ingest.partitions
        settings.group = ingest.kafka.last { $0.0 == "group.id" }?.1 ?? settings.group
        return settings
    }

    func run(_ stop: StopSignal) async throws {
        let deadline = PublishingDeadline(end, atSignal: Self.stopLimit, atEnd: Self.limitAtEnd)
        let (events, sender) = AsyncStream.makeStream(of: Event.self)
        let thread = Thread { [self] in
            let publisher = OutboxPublisher(
                settings: settings, store: store, stop: stop, time: .system, board: board, failPoint: failPoint,
                log: log, remaining: { Int64(deadline.remaining() / .milliseconds(1)) })
            sender.yield(.ended(Result { try publisher.run() }))
        }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
        let ticking = Task {
            while (try? await Task.sleep(for: .milliseconds(100))) != nil { sender.yield(.tick) }
        }
        defer { ticking.cancel() }
        for await event in events {
            switch event {
            case .ended(let result): return try finish(try result.get())
            case .tick where stop.wasSet && deadline.remaining() < .zero - Self.grace:
                return try finish("\(settings.name.rawValue) events may wait (Kafka does not answer)")
            case .tick: break
            }
        }
    }

    /// - Parameter left: what is unpublished, and why; nil when nothing is.
    private func finish(_ left: String?) throws {
        guard let left else { return }
        let text = "topic \(settings.topic): \(left); they are published by the next run"
        guard end.wasReached, !end.asked.wasSet else { return log.warning("\(text)") }
        throw Failure(text, exitCode: 4)
    }
}

/// The deadline of publishing after the service was told to stop.
final class PublishingDeadline: Sendable {
    private let end: EndOfInput
    private let atSignal: Duration
    private let atEnd: Duration
    private let moments = Lock<(asked: ContinuousClock.Instant?, reached: ContinuousClock.Instant?)>((nil, nil))

    init(_ end: EndOfInput, atSignal: Duration, atEnd: Duration) {
        (self.end, self.atSignal, self.atEnd) = (end, atSignal, atEnd)
    }

    /// The time that is left once the publisher was told to stop; negative after the deadline.
    func remaining() -> Duration {
        let now = ContinuousClock.now
        return moments.withLock { moments in
            guard end.wasReached else {
                // Counted from when counting was told to stop: all services share that time.
                moments.asked = moments.asked ?? now + end.remaining(of: atSignal) - atSignal
                return (moments.asked ?? now) + atSignal - now
            }
            moments.reached = moments.reached ?? now
            if end.asked.wasSet { moments.asked = moments.asked ?? now }
            let limit = (moments.reached ?? now) + atEnd - now
            return moments.asked.map { min(limit, $0 + atSignal - now) } ?? limit
        }
    }
}
