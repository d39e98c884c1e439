// What the page draws: views per window, and the busiest postcodes. Sums of windows that did not change are kept, so that
// drawing costs the few windows that are being counted, not the whole hour.

package import Base
import State

/// Views of the last windows.
package struct ViewSeries: Equatable, Sendable {
    /// One window.
    package struct Window: Equatable, Sendable {
        /// Its start.
        package let start: WindowStart
        /// The views counted in it so far.
        package let views: Int64
        /// Nothing more is expected.
        package let isFinal: Bool
    }
    /// One postcode.
    package struct Postcode: Equatable, Sendable {
        /// The postcode, as it came.
        package let name: String
        /// Its views in the windows that were added up.
        package let views: Int64
    }

    /// The windows' length in milliseconds.
    package var windowMilliseconds: Int64 = 60_000
    /// The latest windows that have views, oldest first.
    package var windows: [Window] = []
    /// How many of the latest windows `busiest` adds up.
    package var busiestWindows = 0
    /// The postcodes with the most views, most first.
    package var busiest: [Postcode] = []

    /// Nothing yet.
    package init() {}
}

/// Keeps the sums of windows by generation.
package struct WindowSums {
    package var sums: [WindowStart: (generation: Generation, views: Int64)] = [:]
}

extension StatusReader {
    static let seriesWindows: Int64 = 60
    package static let busiestWindows = 5
    static let busiestPostcodes: Int64 = 10

    /// The series as of now; empty while there is no state.
    /// - Parameter now: milliseconds since the Unix epoch; windows that begin more than an hour later are skipped.
    /// - Throws: `SQLiteError`; `isInterrupt` when it took longer than `mayContinue` allowed.
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
