// A publisher as a service beside the counting.

internal import Base
internal import Foundation
internal import Ingest
internal import Log
internal import Services
internal import Store

/// Makes publishers' services.
enum PublishingService {
    /// How long after the service was told to stop publishing may go on.
    private static let farewell = Duration.milliseconds(2500)

    /// The service of one publisher; it ends after the counting, with what that left.
    static func make(
        _ settings: OutboxSettings, _ store: SharedStore, _ end: EndOfInput,
        _ failPoint: @escaping @Sendable (String) -> Void,
        _ log: Logger
    ) -> ThreadService {
        let stop = StopSignal()
        // A question to a Kafka that went away can outlast its time limit by a minute in librdkafka 2.0.
        let patience: @Sendable () -> Duration? = {
            end.wasReached ? nil : end.remaining(of: farewell) + .milliseconds(500)
        }
        return ThreadService(name: "publish-\(settings.name.rawValue)", stop: stop, patience: patience) {
            let publisher = OutboxPublisher(
                settings: settings, store: store, stop: stop, time: .system, failPoint: failPoint, log: log)
            let isDone = try publisher.run {
                end.wasReached ? 60_000 : Int64(end.remaining(of: farewell) / .milliseconds(1))
            }
            guard isDone || !end.wasReached else {
                throw Failure(
                    "not every \(settings.name.rawValue) event could be published to topic \(settings.topic); they wait in the "
                        + "state for the next run", exitCode: 4)
            }
        }
    }
}
