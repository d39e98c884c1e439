// Runs the HTTP server as a service beside counting.

import Health
import Base
import Dashboard
import Log
import Services

/// Serves the pages until it is told to stop.
struct WebService: Service {
    let place: WebPlace
    let sources: DashboardSources
    let limits: DashboardLimits
    let board: HealthBoard
    let log: Logger

    var name: String { "page" }

    func run(_ stop: StopSignal) async throws {
        try await ThreadService.onThread(name) { try serve(until: stop) }
    }

    private func serve(until stop: StopSignal) throws {
        let server: DashboardServer
        do {
            server = try DashboardServer(
                address: place.address, token: place.token, sources: sources, limits: limits, log: log)
        } catch {
            guard !place.isGiven else { throw Failure("--listen: \(error)", exitCode: 2) }
            log.warning("\(error); going on without the page (--listen chooses another address)")
            return Self.wait(for: stop)
        }
        let text = server.address.description
        board.update { $0.listen = text }
        log.info("page, metrics and SQL at http://\(text)/", metadata: ["listen": "\(text)"])
        Self.wait(for: stop)
        server.stop()
    }

    private static func wait(for stop: StopSignal) {
        while !stop.wait(milliseconds: 60_000) {}
    }
}
