// A reference to an engine, because #expect cannot call mutating methods. Times are milliseconds since the Unix epoch.

import Base
import Windowing

/// The time at this number of milliseconds since the Unix epoch.
func at(_ milliseconds: Int64) -> EventTime { EventTime(milliseconds: milliseconds) }

/// The start of the window at this number of milliseconds since the Unix epoch.
func window(_ milliseconds: Int64) -> WindowStart { WindowStart(rawValue: milliseconds * 1000) }

extension WindowStart {
    var milliseconds: Int64 { time.milliseconds }
}

final class EngineUnderTest {
    private(set) var engine: WindowEngine

    init(_ engine: WindowEngine) { self.engine = engine }

    convenience init(
        settings: WindowSettings, watermark: Int64? = nil, latestWindowEnd: Int64 = 0, now: Int64
    ) {
        self.init(
            WindowEngine(
                settings: settings, watermark: watermark.map(at), latestWindowEnd: window(latestWindowEnd), now: now))
    }

    var watermark: Int64? { engine.watermark?.milliseconds }
    var watermarkHeldBy: PartitionID? { engine.watermarkHeldBy }
    var partitions: [WindowEngine.Partition] { engine.partitions }
    var allIdle: Bool { engine.allIdle }

    func finalBefore(now: Int64) -> Int64? { engine.finalBefore(now: now)?.milliseconds }
    @discardableResult
    func addPartition(_ number: PartitionID, maxEventTime: Int64? = nil, now: Int64) -> Int {
        engine.addPartition(number, maxEventTime: maxEventTime.map(at), now: now)
    }
    func beginBatch(now: Int64) { engine.beginBatch(now: now) }
    func place(eventTime: Int64, inPartitionAt index: Int) -> Placement {
        engine.place(eventTime: at(eventTime), inPartitionAt: index)
    }
    func sawRecords(inPartitionAt index: Int, now: Int64) { engine.sawRecords(inPartitionAt: index, now: now) }
    func reachedEnd(ofPartitionAt index: Int, now: Int64) { engine.reachedEnd(ofPartitionAt: index, now: now) }
    @discardableResult
    func checkIdleness(now: Int64) -> Bool { engine.checkIdleness(now: now) }
}
