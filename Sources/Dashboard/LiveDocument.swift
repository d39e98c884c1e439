// What the page is sent: the status document, and beside it what only the page draws.

internal import Foundation
internal import Store

struct LiveDocument: Encodable {
    struct Window: Encodable { let start, views: Int64; let final: Bool }
    struct Postcode: Encodable { let postcode: String; let views: Int64 }
    struct Sample: Encodable { let at, lag: Int64; let consumed, late, rejected: Double }

    let windowMilliseconds: Int64
    let windows: [Window]
    let busiestWindows: Int
    let busiest: [Postcode]
    let samples: [Sample]

    /// One JSON object without line breaks.
    static func json(_ report: StatusReport, _ series: ViewSeries) -> String {
        let document = LiveDocument(
            windowMilliseconds: series.windowMilliseconds,
            windows: series.windows.map { Window(start: $0.start, views: $0.views, final: $0.isFinal) },
            busiestWindows: series.busiestWindows,
            busiest: series.busiest.map { Postcode(postcode: $0.name, views: $0.views) },
            samples: rates(report.facts.health?.samples ?? []))
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let views = (try? encoder.encode(document)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        return "{\"status\":\(report.json()),\"live\":\(views)}"
    }

    /// Sums become rates a second between neighbours.
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
