// The pages as a service beside the counting.

internal import Dashboard
internal import Log
internal import ServiceLifecycle
internal import Store

/// Serves the pages until graceful shutdown.
struct WebService: Service {
    let place: WebPlace
    let sources: DashboardSources
    let limits: DashboardLimits
    let board: HealthBoard
    let log: Logger

    func run() async throws {
        let server = DashboardServer(
            address: place.address, token: place.token, sources: sources, limits: limits, log: log
        ) { [board, log] address in
            let text = address.description
            board.update { $0.listen = text }
            log.info("page, metrics and SQL at http://\(text)/", metadata: ["listen": "\(text)"])
        }
        do {
            try await server.run()
        } catch let error as DashboardError {
            guard !place.isGiven else { throw Failure("--listen: \(error)", exitCode: 2) }
            log.warning("\(error); going on without the page (--listen chooses another address)")
            try? await gracefulShutdown()
        }
    }
}
