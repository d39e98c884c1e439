// Probes the warehouse and the catalog every 4 s, so that an outage shows between exports. A probe is one small request
// each. Any answer other than an outage counts as reachable.

import Export
import Health
import Base
import Foundation
import HTTP
import Ingest
import ObjectStorage
import Services

/// Probes until it is told to stop.
struct WarehouseProbe: Service {
    let name = "warehouse-probe"
    let options: ExportOptions
    let environment: [String: String]
    let board: HealthBoard
    private static let period = Duration.seconds(4)
    private static let timeout = Duration.seconds(3)

    func run(_ stop: StopSignal) async throws {
        let client = try HTTPClient()
        var settings = ExportAssembly(options: options, environment: environment).s3Settings([:])
        settings.retry = RetryPolicy(maximumAttempts: 1)
        (settings.callTimeout, settings.connectTimeout, settings.stallTimeout) =
            (Self.timeout, Self.timeout, Self.timeout)
        let opener = StorageOpener(settings: settings, client: client)
        // With a catalog the tables may be elsewhere, and only the JSON lines are in the warehouse.
        let root =
            options.catalog == nil || options.exporter.keepsJSON
            ? try options.warehouse.map { try opener.open($0) } : nil
        while !stop.wasSet {
            let asked = TimeSource.system.wall()
            let failure = await failure(root, client)
            // A failed probe dates from its request, because there has been no answer since.
            board.warehouseAsked(failure: failure, now: failure == nil ? TimeSource.system.wall() : asked)
            await stop.sleep(for: Self.period)
        }
    }

    /// Why one of them is unreachable; nil when both answer, even with a refusal.
    private func failure(_ root: StorageRoot?, _ client: HTTPClient) async -> String? {
        if let root, let failure = await failure(root) { return failure }
        guard let catalog = options.catalog else { return nil }
        let base = catalog.hasSuffix("/") ? String(catalog.dropLast()) : catalog
        var request = HTTPRequest(method: "GET", url: base + "/v1/config")
        (request.timeout, request.connectTimeout) = (Self.timeout, Self.timeout)
        do throws(HTTPError) {
            let status = try await client.send(request).status
            return [502, 503, 504].contains(status) ? "\(catalog.withoutCredentials) answers \(status)" : nil
        } catch {
            return error.description
        }
    }

    private func failure(_ root: StorageRoot) async -> String? {
        do throws(ObjectStorageError) {
            _ = try await root.store.exists(root.key(".pageviews"))
            return nil
        } catch {
            return [.unavailable, .throttled, .unknownOutcome].contains(error.kind) ? error.description : nil
        }
    }
}
