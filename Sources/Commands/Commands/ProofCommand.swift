// `pageviews proof`: compares a recount of the input with the state and the tables.

import Export
import Recovery
import Arguments
import Base
import Foundation
import Ingest

/// The formats of a report.
enum ReportFormat: String, CaseIterable, Sendable {
    case table, json
}

struct ProofCommand: Sendable {
    static let command = Command(
        "proof", abstract: "Compare a recount of the input with the state and the tables.",
        discussion: """
            Compares the state with itself, with its tables, and both with the raw rows, count by count. Nothing is written; \
            a service may be running on the state. Without --warehouse only the state is checked.
            Exit codes: 0 all equal, 1 a difference, 2 wrong usage, 4 the warehouse could not be reached, 5 the tables belong \
            to another state.
            """,
        rows: rows,
        secrets: ExportOptions.secrets, run: { try await $0.run() })

    static let rows = Rows(
        ProofCommand(),
        KafkaOptions.rows.lifted(\.kafka) + ownRows + ExportOptions.rows.lifted(\.export, group: ExportOptions.group)
            + GlobalOptions.rows.lifted(\.global),
        checks: [ExportOptions.check.lifted(\.export)])

    private static let ownRows: [Option<ProofCommand>] = [
        .state(\.state),
        .flag("quick", \.options.isQuick, "Compare sums only, without reading raw rows."),
        .value(
            "snapshot", \.options.snapshotID, .number, "id",
            "Compare this retained snapshot of either table. (default: the last exported)"),
        .flag(
            "compacted", \.options.allowsGaps,
            "Accept offsets without records, as compaction and transactions leave them."),
        .value("format", \.format, .choice, "format", "Format of the report: table or json."),
    ]

    var kafka = KafkaOptions()
    var state = "pageviews.db"
    var options = ProofOptions()
    var format = ReportFormat.table
    var export = ExportOptions()
    var global = GlobalOptions()

    func run() async throws {
        let report = try await report()
        StandardStream.output.write(report.text)
        if !report.isEqual { throw ExitCode(1) }
    }

    /// Runs the proof and formats its report.
    func report() async throws -> (text: String, isEqual: Bool) {
        let report = try await Self.prove(state: state, export: export, options: options)
        return (format == .json ? try Self.json(report) : Self.table(report), report.isEqual)
    }

    /// Runs a proof. An unreachable warehouse ends with its documented exit code.
    static func prove(state: String, export: ExportOptions, options: ProofOptions) async throws -> ProofReport {
        let environment = ProcessInfo.processInfo.environment
        try ExistingState.check(state)
        let folder = temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            let warehouse = try ExportAssembly(options: export, environment: environment).warehouse()
            let proof = try Proof(
                statePath: state, settings: export.exporter.tables, warehouse: warehouse, options: options,
                folder: folder, uniqueName: { UUID().uuidString }, seed: .random(in: .min ... .max))
            return try await proof.run()
        } catch let error as ProofError {
            throw Failure(error.description, exitCode: 1)
        } catch {
            throw Failure(error) ?? Failure("\(error)", exitCode: Failure.exitCode(ofExport: error))
        }
    }

    /// A folder for copies of large table files while they are read.
    static func temporaryFolder() -> String {
        FileManager.default.temporaryDirectory.path + "/pageviews-\(UUID().uuidString)"
    }

    // MARK: Output

    private struct Document: Encodable {
        struct Difference: Encodable {
            let postcode: String
            let window: String
            let local: Int64?
            let table: Int64?
            let raw: Int64?

            enum CodingKeys: CodingKey { case postcode, window, local, table, raw }

            /// Writes a side without a value as null; the key is never absent.
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(postcode, forKey: .postcode)
                try container.encode(window, forKey: .window)
                try container.encode(local, forKey: .local)
                try container.encode(table, forKey: .table)
                try container.encode(raw, forKey: .raw)
            }
        }

        struct Check: Encodable {
            let name: String
            let expected: String
            let found: String
            let ok: Bool?
            let note: String?

            enum CodingKeys: CodingKey { case name, expected, found, ok, note }

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(name, forKey: .name)
                // Figures are numbers; a figure that could not be compared is null.
                try container.encode(Int64(expected), forKey: .expected)
                try container.encode(Int64(found), forKey: .found)
                try container.encode(ok, forKey: .ok)
                try container.encode(note, forKey: .note)
            }
        }

        let equal: Bool
        let countsSnapshot: Int64?
        let rawSnapshot: Int64?
        let checks: [Check]
        let differences: [Difference]
        let findings: [String]

        enum CodingKeys: String, CodingKey {
            case equal, checks, differences, findings
            case countsSnapshot = "counts_snapshot"
            case rawSnapshot = "raw_snapshot"
        }
    }

    static func json(_ report: ProofReport) throws -> String {
        let document = Document(
            equal: report.isEqual, countsSnapshot: report.countsSnapshot, rawSnapshot: report.rawSnapshot,
            checks: report.checks.map {
                Document.Check(
                    name: $0.name, expected: $0.expected, found: $0.found,
                    ok: $0.verdict == .unchecked ? nil : $0.verdict == .equal, note: $0.note)
            },
            differences: report.differences.map {
                Document.Difference(
                    postcode: $0.postcode, window: text(ofWindow: $0.window), local: $0.local, table: $0.table,
                    raw: $0.raw)
            }, findings: report.findings)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
    }

    static func table(_ report: ProofReport) -> String {
        var rows = [["ok", "expected", "found", "check", ""]]
        for check in report.checks {
            let verdict = ["equal": "yes", "differs": "NO", "unchecked": "-"][check.verdict.rawValue] ?? ""
            rows.append([verdict, check.expected, check.found, check.name, check.note ?? ""])
        }
        var text = columns(rows, right: [1, 2])
        if !report.differences.isEmpty {
            text += "\nFirst differences (- is none, or not comparable)\n"
            let figure: (Int64?) -> String = { $0.map(String.init) ?? "-" }
            text += columns(
                [["postcode", "window", "local", "table", "raw"]]
                    + report.differences.map {
                        [
                            $0.postcode, Self.text(ofWindow: $0.window), figure($0.local), figure($0.table),
                            figure($0.raw),
                        ]
                    }, right: [2, 3, 4])
        }
        for finding in report.findings { text += "\n\(finding)" }
        if !report.findings.isEmpty { text += "\n" }
        let checks = report.checks.filter { $0.verdict != .unchecked }
        let wrong = checks.filter { $0.verdict == .differs }.count
        let unchecked = report.checks.count - checks.count
        text +=
            report.isEqual ? "\nall \(checks.count) checks are equal" : "\n\(wrong) of \(checks.count) checks differ"
        return text + (unchecked > 0 ? ", \(unchecked) could not be made\n" : "\n")
    }

    private static func columns(_ rows: [[String]], right: Set<Int>) -> String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return right.contains(column) ? space + cell : cell + space
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    private static func text(ofWindow start: WindowStart) -> String {
        UTCText.seconds(start.seconds)
    }
}
