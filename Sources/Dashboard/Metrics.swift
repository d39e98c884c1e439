// The metrics in the text format of Prometheus (https://prometheus.io/docs/instrumenting/exposition_formats/): base
// units, `_total` for counters, a HELP and a TYPE each.
//
// Invariant: label values need no escaping. They are partition numbers, codes of a fixed set, or the version without
// quotes, backslashes and line breaks.

import Base
import Health
import State

/// Writes metric families.
struct MetricsText {
    private(set) var text = ""

    /// Writes one family, without samples that have no value. A family without samples is omitted.
    mutating func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: Double?)])
    {
        let known = samples.compactMap { sample in sample.value.map { (sample.labels, $0) } }
        guard !known.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        assert(
            known.allSatisfy { sample in !sample.0.contains { $0 == "\\" || $0.isNewline } }, "a label needs escaping")
        for (labels, value) in known { text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(Self.number(value))\n" }
    }

    mutating func gauge(_ name: String, _ help: String, _ value: Double?) { family(name, "gauge", help, [("", value)]) }

    mutating func gauge(_ name: String, _ help: String, _ value: Int64?) {
        gauge(name, help, value.map { Double($0) })
    }

    mutating func counter(_ name: String, _ help: String, _ value: Double?) {
        family(name, "counter", help, [("", value)])
    }

    /// Whole numbers without a fraction, others with the fewest digits that read back as the same value.
    static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 9e15 ? String(Int64(value)) : "\(value)"
    }
}

/// Figures of the process itself.
package struct ProcessFacts: Equatable, Sendable {
    /// Processor time used, in seconds.
    package var cpuSeconds: Double?
    /// Memory in use, in bytes.
    package var residentBytes: Double?
    /// Memory of the address space, in bytes.
    package var virtualBytes: Double?
    /// When it started, seconds since the Unix epoch.
    package var startSeconds: Double?
    /// Open files.
    package var openFiles: Double?
    /// The most files it may open.
    package var mostFiles: Double?

    /// Nothing is known.
    package init() {}
}

/// The text of /metrics.
enum Metrics {
    /// All metrics of a report.
    package static func text(_ report: StatusReport, process: ProcessFacts = ProcessFacts()) -> String {
        var out = MetricsText()
        verdict(report, &out)
        counting(report.facts, &out)
        partitions(report.facts, &out)
        exporting(report.facts, &out)
        sizes(report.facts, &out)
        self.process(process, &out)
        return out.text
    }

    private static func seconds(_ milliseconds: Int64?) -> Double? { milliseconds.map { Double($0) / 1000 } }

    private static func verdict(_ report: StatusReport, _ out: inout MetricsText) {
        let codes = Set(report.reasons.map(\.code))
        out.gauge(
            "pageviews_healthy", "Whether nothing is wrong, as `pageviews status` says.", report.isHealthy ? 1.0 : 0.0)
        out.family(
            "pageviews_unhealthy_reason", "gauge", "Whether the service is unhealthy for a reason of this kind.",
            StatusReason.Code.allCases.map { ("reason=\"\($0.rawValue)\"", codes.contains($0) ? 1.0 : 0.0) })
        guard let health = report.facts.health else { return }
        let version = health.version.filter { $0.isASCII && $0 != "\"" && $0 != "\\" && !$0.isNewline }
        out.family(
            "pageviews_build_info", "gauge", "The program's version; always 1.", [("version=\"\(version)\"", 1)])
        out.gauge("pageviews_kafka_up", "Whether Kafka answers.", health.kafka.failingSince == nil ? 1.0 : 0.0)
        out.gauge(
            "pageviews_warehouse_up", "Whether the warehouse answers.",
            health.warehouse.map { $0.failingSince == nil ? 1.0 : 0.0 })
        out.gauge(
            "pageviews_late_topic_up", "Whether late events can be published.",
            up(health.publishing?[OutboxName.late.rawValue]))
        out.gauge(
            "pageviews_rejected_topic_up", "Whether rejected messages can be published.",
            up(health.publishing?[OutboxName.rejected.rawValue]))
        out.gauge("pageviews_paused", "Whether consuming waits for room in the spool.", health.isPaused ? 1.0 : 0.0)
    }

    private static func up(_ contact: ServiceHealth.Contact?) -> Double? {
        contact.map { $0.failingSince == nil ? 1 : 0 }
    }

    private static func counting(_ facts: StatusFacts, _ out: inout MetricsText) {
        out.counter(
            "pageviews_flushes_total", "Flushes and backfill steps over the state's life.",
            Double(facts.generation.rawValue))
        out.gauge(
            "pageviews_last_flush_timestamp_seconds", "When the last flush was written.", seconds(facts.flushedAt))
        out.gauge(
            "pageviews_watermark_timestamp_seconds", "The watermark, in event time.",
            seconds(facts.watermark?.milliseconds))
        out.gauge(
            "pageviews_lag_records",
            "Records that wait in Kafka, in all partitions; absent when their ends are not known.",
            facts.lag)
        out.gauge(
            "pageviews_late_events_unpublished", "Late events that wait to be published.", facts.lateToPublish)
        out.gauge("pageviews_incidents_open", "Incidents that are not over.", Int64(facts.incidents.count))
    }

    private static func partitions(_ facts: StatusFacts, _ out: inout MetricsText) {
        func each(_ value: (PartitionProgress) -> Double?) -> [(labels: String, value: Double?)] {
            facts.partitions.map { ("partition=\"\($0.partition)\"", value($0)) }
        }
        let outcomes = facts.partitions.flatMap { partition in
            [("counted", partition.counted), ("late", partition.late), ("rejected", partition.rejected)].map {
                (labels: "partition=\"\(partition.partition)\",outcome=\"\($0.0)\"", value: Optional(Double($0.1)))
            }
        }
        out.family("pageviews_events_total", "counter", "Records consumed, by what became of them.", outcomes)
        out.family(
            "pageviews_partition_lag_records", "gauge", "Records that wait in Kafka.",
            each { facts.lag(of: $0).map { Double($0) } })
        out.family(
            "pageviews_partition_future_events_total", "counter",
            "Events since the start that were too far ahead of the clock to move the watermark.",
            each { facts.future(of: $0).map { Double($0.count) } })
        out.family(
            "pageviews_partition_future_skew_seconds", "gauge", "How far ahead of the clock the latest of them was.",
            each { facts.future(of: $0).map { Double($0.skew) / 1000 } })
        out.family(
            "pageviews_partition_next_offset", "gauge", "The offset to read next.",
            each { Double($0.nextOffset.rawValue) })
        out.family(
            "pageviews_partition_high_watermark_offset", "gauge", "The offset after the last record, as last heard.",
            each { $0.highWatermarkOffset.map { Double($0.rawValue) } })
        out.family(
            "pageviews_partition_max_event_timestamp_seconds", "gauge", "The latest event, in event time.",
            each { seconds($0.maxEventTime?.milliseconds) })
        out.family(
            "pageviews_partition_idle", "gauge", "Whether the partition has brought nothing for the idle timeout.",
            each { $0.isIdle ? 1 : 0 })
        out.family(
            "pageviews_partition_holds_watermark", "gauge", "Whether the watermark waits for this partition.",
            each { $0.partition == facts.watermarkHeldBy ? 1 : 0 })
    }

    private static func exporting(_ facts: StatusFacts, _ out: inout MetricsText) {
        guard let health = facts.health, health.export != nil else { return }
        out.gauge(
            "pageviews_last_commit_timestamp_seconds", "When a table was last committed to.",
            seconds(facts.lastExportAt))
        out.gauge(
            "pageviews_last_export_success_timestamp_seconds",
            "When the last round of exports ended well, also one with nothing to export.",
            seconds(health.export?.answeredAt))
        out.gauge(
            "pageviews_last_commit_duration_seconds", "How long upload and commit of the last commit took.",
            seconds(health.commits.last?.milliseconds))
        out.gauge("pageviews_last_commit_size_bytes", "The files of the last commit.", health.commits.last?.bytes)
        out.gauge("pageviews_backlog_segments", "Segments of raw events that wait for export.", facts.backlogSegments)
        out.gauge("pageviews_backlog_bytes", "Bytes of raw events that wait for export.", facts.backlogBytes)
        out.gauge(
            "pageviews_backlog_budget_bytes", "Consuming waits when this much waits for export.",
            health.settings.spoolBudgetBytes)
    }

    private static func sizes(_ facts: StatusFacts, _ out: inout MetricsText) {
        out.gauge("pageviews_state_size_bytes", "The state file.", facts.stateBytes)
        out.gauge("pageviews_wal_size_bytes", "The state's write-ahead log.", facts.walBytes)
        guard let health = facts.health else { return }
        out.gauge("pageviews_wal_readers", "Other processes that read the state now.", Int64(health.readers.count))
        out.gauge(
            "pageviews_wal_oldest_reader_seconds", "How long the oldest of them has been reading without a pause.",
            health.readers.map(\.since).min().map { Double(max(0, facts.now - $0)) / 1000 } ?? 0)
    }

    private static func process(_ facts: ProcessFacts, _ out: inout MetricsText) {
        out.counter("process_cpu_seconds_total", "Processor time used.", facts.cpuSeconds)
        out.gauge("process_resident_memory_bytes", "Memory in use.", facts.residentBytes)
        out.gauge("process_virtual_memory_bytes", "Size of the address space.", facts.virtualBytes)
        out.gauge("process_start_time_seconds", "When the process started, since the Unix epoch.", facts.startSeconds)
        out.gauge("process_open_fds", "Open files.", facts.openFiles)
        out.gauge("process_max_fds", "The most files that may be open.", facts.mostFiles)
    }
}
