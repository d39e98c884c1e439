// The part of the judgement that is about exports.

extension StatusDecision {
    static func export(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard let health = facts.health else { return [] }
        let away = warehouse(health, facts, thresholds)
        // Exports to a warehouse that does not answer fail for that reason.
        return away + (away.isEmpty ? cycles(health, facts, thresholds) : []) + backlog(health, facts, thresholds)
    }

    private static func warehouse(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        guard facts.isRunning, let warehouse = health.warehouse, let since = warehouse.failingSince,
            facts.now - since >= thresholds.contactMilliseconds
        else { return [] }
        return [
            StatusReason(
                .warehouse,
                "the warehouse does not answer since \(isoText(milliseconds: since)): \(warehouse.reason ?? ""); "
                    + waiting(facts), since: since, advice: repairWarehouse)
        ]
    }

    private static let repairWarehouse =
        "check endpoint, credentials, rights and clock; counting goes on and nothing is lost"

    private static func cycles(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        guard let export = health.export, let interval = health.settings.exportIntervalMilliseconds else { return [] }
        if facts.isRunning, let since = export.failingSince, facts.now - since >= thresholds.contactMilliseconds {
            return [
                StatusReason(
                    .export,
                    "exports fail since \(isoText(milliseconds: since)): \(export.reason ?? ""); \(waiting(facts))",
                    since: since,
                    advice: "fix what the cause names; the export is retried at each interval, and counting goes on")
            ]
        }
        // An end that everything was exported before is no reason; neither is a table that has all there is.
        guard facts.hasUnexported else { return [] }
        let last = export.answeredAt ?? health.startedAt
        let patience = max(interval * thresholds.exportIntervals, thresholds.shortestExportMilliseconds)
        guard facts.now - last >= patience else { return [] }
        let when = export.answeredAt.map { "since \(isoText(milliseconds: $0))" } ?? "yet"
        return [
            StatusReason(
                .export,
                "nothing was exported \(when), more than \(thresholds.exportIntervals) intervals; \(waiting(facts))",
                since: last, advice: "the service's log names the table and the object; see --export-interval")
        ]
    }

    private static func backlog(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        guard let budget = health.settings.spoolBudgetBytes, budget > 0,
            Double(facts.backlogBytes) > Double(budget) * thresholds.backlogShare
        else { return [] }
        let share = Int(Double(facts.backlogBytes) / Double(budget) * 100)
        return [
            StatusReason(
                .backlog,
                "\(waiting(facts)), \(share) % of the budget of \(bytes(budget)); at 100 % consuming waits",
                advice: "fix the export, or give more room with --spool-budget")
        ]
    }

    private static func waiting(_ facts: StatusFacts) -> String {
        facts.backlogSegments == 1
            ? "1 segment of raw events (\(bytes(facts.backlogBytes))) waits"
            : "\(facts.backlogSegments) segments of raw events (\(bytes(facts.backlogBytes))) wait"
    }

    /// `1.5 MiB`.
    public static func bytes(_ count: Int64) -> String {
        var value = Double(count)
        for unit in ["bytes", "KiB", "MiB", "GiB"] {
            if value < 1024 {
                let tenths = (value * 10).rounded() / 10
                return tenths == tenths.rounded() ? "\(Int(tenths)) \(unit)" : "\(tenths) \(unit)"
            }
            value /= 1024
        }
        return "\((value * 10).rounded() / 10) TiB"
    }

    /// `340 ms`, `12 s`, `7 min`, `3 h`, `2 d`.
    public static func span(_ milliseconds: Int64) -> String {
        switch max(0, milliseconds) {
        case let value where value < 1000: "\(value) ms"
        case let value where value < 120_000: "\(value / 1000) s"
        case let value where value < 7_200_000: "\(value / 60_000) min"
        case let value where value < 172_800_000: "\(value / 3_600_000) h"
        case let value: "\(value / 86_400_000) d"
        }
    }
}

/// ISO 8601 UTC text of milliseconds since the Unix epoch; whole seconds, rounded down.
public func isoText(milliseconds: Int64) -> String {
    isoText(seconds: milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000)
}
