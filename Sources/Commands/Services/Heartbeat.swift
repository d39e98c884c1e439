// The heartbeat. Once a second it writes the service's health to the file beside the state, for `pageviews status`, and
// notifies the service manager if there is one (ServiceManager.swift).

import Health
import Base
import Foundation
import Ingest
import Services

/// Makes the heartbeat's service. It starts first and ends last, so that it records how the others end.
enum Heartbeat {
    static let milliseconds: Int64 = 1000

    static func service(_ board: HealthBoard, state: String, end: EndOfInput) -> ThreadService {
        let stop = StopSignal()
        return ThreadService(name: "heartbeat", stop: stop) {
            let file = HealthFile(state: state)
            let manager = ServiceManager(environment: ProcessInfo.processInfo.environment)
            var news = ServiceNews()
            repeat {
                beat(board, state, file)
                if manager.listens { manager.say(news.words(board.current)) }
            } while !stop.wait(milliseconds: milliseconds)
            board.enter(end.wasReached ? .finished : .stopped)
            beat(board, state, file)
        }
    }

    private static func beat(_ board: HealthBoard, _ state: String, _ file: HealthFile?) {
        let now = TimeSource.system.wall()
        let memory = ProcessReadings.residentBytes()
        let readers = ProcessReadings.readers(ofState: state)
        board.update { health in
            (health.beatAt, health.residentBytes) = (now, memory)
            health.see(readers: readers, now: now)
        }
        file?.write(board.current)
    }
}
