// The data of the page's charts: views per window, and the busiest postcodes. Sums of windows that did not change are
// cached, so that a refresh reads only the few windows that still change, not the whole hour.

package import Base
import State

/// Views of the last windows.
package struct ViewSeries: Equatable, Sendable {
    /// One window.
    package struct Window: Equatable, Sendable {
        /// The window's start.
        package let start: WindowStart
        /// The views counted so far.
        package let views: Int64
        /// Whether the window is final.
        package let isFinal: Bool
    }
    /// One postcode.
    package struct Postcode: Equatable, Sendable {
        /// The postcode, unchanged.
        package let name: String
        /// Its views in the latest `busiestWindows` windows.
        package let views: Int64
    }

    /// The length of windows, in milliseconds.
    package var windowMilliseconds: Int64 = 60_000
    /// The latest windows that have views, oldest first.
    package var windows: [Window] = []
    /// The number of latest windows over which `busiest` sums.
    package var busiestWindows = 0
    /// The postcodes with the most views, in descending order of views.
    package var busiest: [Postcode] = []

    /// An empty series.
    package init() {}
}

/// The cached sums of windows. A sum is valid while the window's generation is the cached one.
package struct WindowSums {
    /// The sums, by window start.
    package var sums: [WindowStart: (generation: Generation, views: Int64)] = [:]
}

extension StatusReader {
    /// The number of windows in a series.
    static let seriesWindows: Int64 = 60
    /// The number of windows over which the busiest postcodes are determined.
    package static let busiestWindows = 5
    /// The number of busiest postcodes.
    static let busiestPostcodes: Int64 = 10

    /// The series as of now; empty while there is no state.
    /// - Parameters:
    ///   - now: milliseconds since the Unix epoch. Windows that start more than an hour later are left out.
    ///   - mayContinue: called repeatedly during queries; `false` interrupts the query.
    /// - Throws: `StoreError` when the state cannot be opened; `SQLiteError`, with `isInterrupt` when `mayContinue`
    ///   returned `false`.
    package func views(now: Int64, mayContinue: @escaping () -> Bool) throws -> ViewSeries {
        var series = ViewSeries()
        guard let reader = try opened(), try reader.hasTables() else { return series }
        reader.onProgress(mayContinue)
        defer { reader.onProgress(nil) }
        try reader.hold()
        defer { try? reader.release() }
        series.windowMilliseconds = try reader.windowMilliseconds()
        try readWindows(reader, before: WindowStart(seconds: now / 1000 + 3600), &series)
        try readBusiest(reader, &series)
        return series
    }

    private func readWindows(_ reader: StateReader, before bound: WindowStart, _ series: inout ViewSeries) throws {
        let finalBefore = try reader.lastFlush()?.finalBefore ?? .epoch
        var known = WindowSums()
        for (start, generation) in try reader.windows(before: bound, limit: Self.seriesWindows) {
            let kept = sums.sums[start].flatMap { $0.generation == generation ? $0.views : nil }
            let views = try kept ?? reader.sumOfCounts(inWindow: start)
            known.sums[start] = (generation, views)
            series.windows.append(.init(start: start, views: views, isFinal: start < finalBefore))
        }
        series.windows.reverse()
        sums = known
    }

    private func readBusiest(_ reader: StateReader, _ series: inout ViewSeries) throws {
        guard let last = series.windows.last else { return }
        let length = max(1, series.windowMilliseconds / 1000)
        let first = WindowStart(seconds: last.start.seconds - length * Int64(Self.busiestWindows))
        series.busiestWindows = Self.busiestWindows
        series.busiest = try reader.busiestPostcodes(
            after: first, through: last.start,
            limit: Self.busiestPostcodes
        ).map { .init(name: $0.postcode, views: $0.views) }
    }
}
