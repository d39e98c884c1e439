// The part of the health decision about exports.

import Base

extension StatusDecision {
    /// The warehouse, the exporter's cycles and the backlog.
    package static func export(_ facts: StatusFacts, _ thresholds: StatusThresholds) -> [StatusReason] {
        guard let health = facts.health else { return [] }
        let away = warehouse(health, facts, thresholds)
        // An unreachable warehouse explains failed exports.
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
                "the warehouse has not answered since \(UTCText.milliseconds(since)): \(warehouse.reason ?? ""); "
                    + waiting(facts), since: since, advice: repairWarehouse)
        ]
    }

    private static let repairWarehouse =
        "check endpoint, credentials, rights and clock; counting continues and nothing is lost"

    private static func cycles(
        _ health: ServiceHealth, _ facts: StatusFacts, _ thresholds: StatusThresholds
    ) -> [StatusReason] {
        guard let export = health.export, let interval = health.settings.exportIntervalMilliseconds else { return [] }
        if facts.isRunning, let since = export.failingSince, facts.now - since >= thresholds.contactMilliseconds {
            return [
                StatusReason(
                    .export,
                    "exports have failed since \(UTCText.milliseconds(since)): \(export.reason ?? ""); \(waiting(facts))",
                    since: since,
                    advice: "fix the cause; the export is retried at each interval, and counting continues")
            ]
        }
        // Without unexported counts or segments, a long time since the last export is not a reason.
        guard facts.hasUnexported else { return [] }
        let last = export.answeredAt ?? health.startedAt
        let limit = max(interval * thresholds.exportIntervals, thresholds.shortestExportMilliseconds)
        guard facts.now - last >= limit else { return [] }
        let when = export.answeredAt.map { "since \(UTCText.milliseconds($0))" } ?? "yet"
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
                "\(waiting(facts)), \(share) % of the budget of \(Quantity.size(budget)); at 100 % the service stops consuming",
                advice: "fix the export, or raise --spool-budget")
        ]
    }

    private static func waiting(_ facts: StatusFacts) -> String {
        facts.backlogSegments == 1
            ? "1 segment of raw events (\(Quantity.size(facts.backlogBytes))) waits"
            : "\(facts.backlogSegments) segments of raw events (\(Quantity.size(facts.backlogBytes))) wait"
    }
}
