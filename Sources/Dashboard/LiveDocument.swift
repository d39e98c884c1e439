// The event stream of the page: the status document, and the series that only the page draws.

import Base
import Health
import Foundation

struct LiveDocument: Encodable {
    struct Window: Encodable { let start, views: Int64; let final: Bool }
    struct Postcode: Encodable { let postcode: String; let views: Int64 }
    struct Sample: Encodable {
        let at: Int64
        let lag: Int64?
        let consumed, late, rejected: Double
    }

    let windowMilliseconds: Int64
    let windows: [Window]
    let busiestWindows: Int
    let busiest: [Postcode]
    let samples: [Sample]

    /// One JSON object without line breaks.
    static func json(_ report: StatusReport, _ series: ViewSeries) -> String {
        let document = LiveDocument(
            windowMilliseconds: series.windowMilliseconds,
            windows: series.windows.map { Window(start: $0.start.seconds, views: $0.views, final: $0.isFinal) },
            busiestWindows: series.busiestWindows,
            busiest: series.busiest.map { Postcode(postcode: $0.name, views: $0.views) },
            samples: rates(report.facts.health?.samples ?? []))
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let views = (try? encoder.encode(document)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        return "{\"status\":\(report.json()),\"live\":\(views)}"
    }

    /// Converts totals to rates per second between neighbouring samples.
    static func rates(_ samples: [ServiceHealth.Sample]) -> [Sample] {
        zip(samples, samples.dropFirst()).compactMap { before, after in
            let seconds = Double(after.at - before.at) / 1000
            guard seconds > 0 else { return nil }
            return Sample(
                at: after.at / 1000, lag: after.lag, consumed: Double(after.consumed - before.consumed) / seconds,
                late: Double(after.late - before.late) / seconds,
                rejected: Double(after.rejected - before.rejected) / seconds)
        }
    }
}

/// The event stream of one open page. Used by its connection's thread only.
final class LiveStream {
    private let sources: DashboardSources
    private let period: Duration
    /// When the next document is due; nil before the first piece.
    private var due: ContinuousClock.Instant?

    init(_ sources: DashboardSources, every period: Duration) { (self.sources, self.period) = (sources, period) }

    /// Waits for the next piece and returns it; empty when none is due by the deadline.
    func next(until deadline: ContinuousClock.Instant) -> [UInt8] {
        guard let due else {
            due = .now
            return Array("retry: 2000\n\n".utf8)
        }
        let pause = min(due, deadline) - .now
        if pause > .zero { Thread.sleep(forTimeInterval: pause / .seconds(1)) }
        guard .now >= due else { return [] }
        let json = LiveDocument.json(sources.report(), sources.series())
        self.due = .now + period
        return Array("event: live\ndata: \(json)\n\n".utf8)
    }
}
