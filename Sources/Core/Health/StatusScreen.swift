// The text of `pageviews status`: one screen, the verdict first.

import State
import Base

extension StatusReport {
    /// The report as lines of text, the verdict first.
    package var screen: String {
        guard facts.exists else { return verdict }
        let lines =
            [verdict, "", row("state", "\(facts.path), \(facts.topic.map { "topic \($0)" } ?? "no topic yet")")]
            + [serviceLine, row("generation", generationText), row("lag", lagText), row("watermark", watermarkText)]
            + [row("rates", ratesText), row("last export", exportText), row("backlog", backlogText)]
            + [row("late events", lateText), row("size", sizeText)]
            + [row("incidents", facts.incidents.isEmpty ? "none open" : "\(facts.incidents.count) open")]
        return (lines + [""] + partitionLines).joined(separator: "\n")
    }

    private var verdict: String {
        isHealthy
            ? "healthy"
            : (["UNHEALTHY"] + reasons.flatMap { ["  - \($0.code.rawValue): \($0.text)", "    \($0.advice)"] }).joined(
                separator: "\n")
    }

    private func row(_ name: String, _ value: String) -> String { Self.padded(name, 13) + value }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private func ago(_ time: Int64) -> String {
        "\(UTCText.milliseconds(time)) (\(Quantity.duration(facts.now - time)) ago)"
    }

    private var serviceLine: String {
        guard let health = facts.health else { return row("service", "none") }
        let phase = facts.isRunning ? health.phase.rawValue : "not running"
        let page = facts.isRunning ? health.listen.map { ", http://\($0)/" } ?? "" : ""
        return row(
            "service",
            "\(phase), pid \(health.pid) on \(health.host) since \(UTCText.milliseconds(health.startedAt))\(page)")
    }

    private var generationText: String {
        "\(facts.generation)" + (facts.flushedAt.map { ", flushed \(ago($0))" } ?? ", nothing flushed yet")
    }

    private var lagText: String {
        guard let lag = facts.lag else { return "unknown: the ends of the partitions are not known" }
        let behind = facts.partitions.filter { facts.lag(of: $0) ?? 0 > 0 }.count
        return "\(lag) records" + (behind > 0 ? " in \(behind) of \(facts.partitions.count) partitions" : "")
    }

    private var watermarkText: String {
        guard let watermark = facts.watermark else { return "none yet" + (holdsBecause.map { ": \($0)" } ?? "") }
        let held = holdsBecause.map { "held by \($0)" } ?? "every partition is idle"
        return "\(ago(watermark.milliseconds)); \(held)"
    }

    private var ratesText: String {
        guard let rates = facts.rates else { return "unknown" }
        func text(_ value: Double) -> String {
            let tenths = (value * 10).rounded() / 10
            return tenths == tenths.rounded() && tenths.magnitude < 1e15 ? "\(Int(tenths))" : "\(tenths)"
        }
        return "\(text(rates.consumed)) consumed, \(text(rates.late)) late, \(text(rates.rejected)) rejected a second"
    }

    private var exportText: String {
        guard let last = facts.exports.first(where: { $0.committedAt != nil }), let at = last.committedAt else {
            return facts.health?.export == nil ? "no export is set up" : "none yet"
        }
        return "\(ago(at)) to \(last.table)" + (last.snapshotID.map { ", snapshot \($0)" } ?? "")
            + ", \(last.rowsAdded) rows"
    }

    private var backlogText: String {
        let budget = facts.health?.settings.spoolBudgetBytes.map { " of \(Quantity.size($0))" } ?? ""
        return "\(facts.backlogSegments) segments, \(Quantity.size(facts.backlogBytes))\(budget)"
    }

    private var lateText: String {
        facts.publishesNoLateEvents
            ? "not published, as --late-topic is off" : "\(facts.unpublishedLate) wait to be published"
    }

    private var sizeText: String {
        let memory =
            facts.isRunning ? facts.health.map { ", memory \(Quantity.size($0.residentBytes))" } ?? "" : ""
        return "state \(Quantity.size(facts.stateBytes)), log \(Quantity.size(facts.walBytes))\(memory)"
    }

    /// The eight partitions with the largest lag, ascending by number.
    private var partitionLines: [String] {
        guard !facts.partitions.isEmpty else { return [] }
        let most = facts.partitions.sorted {
            (facts.lag(of: $0) ?? -1, $1.partition) > (facts.lag(of: $1) ?? -1, $0.partition)
        }
        let shown = most.prefix(8).sorted { $0.partition < $1.partition }
        let widths = [11, 14, 10, 22, 12, 10, 10]
        func line(_ cells: [String]) -> String {
            var text = ""
            for (cell, width) in zip(cells, widths) { text += Self.padded(cell, width) }
            return String(text.reversed().drop { $0 == " " }.reversed())
        }
        var lines = [line(["partition", "next offset", "lag", "latest event", "counted", "late", "rejected"])]
        lines += shown.map { partition in
            line([
                "\(partition.partition)", "\(partition.nextOffset)", facts.lag(of: partition).map(String.init) ?? "-",
                partition.maxEventTime.map { UTCText.milliseconds($0.milliseconds) } ?? "-", "\(partition.counted)",
                "\(partition.late)",
                "\(partition.rejected)",
            ])
        }
        let left = facts.partitions.count - shown.count
        return lines + (left > 0 ? ["... and \(left) partitions with less lag"] : [])
    }
}
