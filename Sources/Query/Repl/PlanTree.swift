// Shows EXPLAIN QUERY PLAN as a tree: each step under its parent.

import SQLite

/// The steps of a query plan.
enum PlanTree {
    /// The columns of a plan (https://www.sqlite.org/eqp.html).
    private static let columns = ["id", "parent", "notused", "detail"]

    /// The plan as lines; nil when the result is not a plan.
    static func text(of result: ResultSet) -> String? {
        guard result.columns == columns else { return nil }
        let steps = result.rows.compactMap { row -> Step? in
            guard case .integer(let id) = row[0], case .integer(let parent) = row[1], case .text(let detail) = row[3]
            else { return nil }
            return Step(id: id, parent: parent, detail: detail)
        }
        guard steps.count == result.rows.count else { return nil }
        // The recursion ends: it looks for children only after their parent.
        var lines = ["QUERY PLAN"]
        append(childrenOf: 0, at: 0, of: steps, indent: "", to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    private struct Step {
        var id, parent: Int64
        var detail: String
    }

    private static func append(
        childrenOf parent: Int64, at start: Int, of steps: [Step], indent: String, to lines: inout [String]
    ) {
        let children = steps.indices.dropFirst(start).filter { steps[$0].parent == parent }
        for index in children {
            let isLast = index == children.last
            lines.append(indent + (isLast ? "`--" : "|--") + ValueText.visible(steps[index].detail))
            append(
                childrenOf: steps[index].id, at: index + 1, of: steps, indent: indent + (isLast ? "   " : "|  "),
                to: &lines)
        }
    }
}
