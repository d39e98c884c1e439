// `pageviews restore`: builds a new state from the tables.

import Export
import Recovery
import Base
import Arguments
import Foundation
import Ingest
import Log
import Windowing

struct RestoreCommand: Sendable {
    static let command = Command(
        "restore", abstract: "Build a new state from the tables of a warehouse.",
        discussion: """
            For a lost state file. Nothing is written to the warehouse, and an existing state is never touched. The new \
            state is proven equal to the tables before it gets its name; `pageviews ingest` then continues from Kafka. \
            Give the same --window and --watermark-delay as before.
            Exit codes: 0 done, 1 the state exists or cannot be restored, 2 wrong usage, 4 the warehouse could not be reached, \
            5 the state is in use.
            """,
        rows: rows,
        secrets: ExportOptions.secrets, run: { try await $0.run() })

    static let rows = Rows(
        RestoreCommand(),
        KafkaOptions.rows.lifted(\.kafka) + [stateRow]
            + WindowOptions.rows.lifted(\.windows)
            + ExportOptions.rows.lifted(\.export, group: ExportOptions.group) + GlobalOptions.rows.lifted(\.global),
        checks: [
            WindowOptions.check.lifted(\.windows), ExportOptions.check.lifted(\.export),
            Check("restore needs --warehouse") { $0.export.warehouse != nil },
        ])

    private static let stateRow = Option<RestoreCommand>.state(\.state, "The state file to create.")

    var kafka = KafkaOptions()
    var state = "pageviews.db"
    var windows = WindowOptions()
    var export = ExportOptions()
    var global = GlobalOptions()

    func run() async throws {
        let log = global.logger
        let folder = ProofCommand.temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            let assembly = ExportAssembly(options: export, environment: ProcessInfo.processInfo.environment)
            for warning in assembly.plainTextWarnings { log.warning("\(warning)") }
            guard let warehouse = try assembly.warehouse() else { return }
            let restore = Restore(
                statePath: state, settings: export.exporter.tables, windows: try windows.settings(),
                warehouse: warehouse, folder: folder, uniqueName: { UUID().uuidString },
                seed: .random(in: .min ... .max), now: TimeSource.system.wall()
            ) { log.info("\($0)") }
            report(try await restore.run())
        } catch let error as RestoreError {
            throw Failure(error.description, exitCode: 1)
        } catch {
            throw Failure(error) ?? Failure("\(error)", exitCode: Failure.exitCode(ofExport: error))
        }
    }

    private func report(_ summary: RestoreSummary) {
        let offsets = summary.nextOffsets.sorted { $0.key < $1.key }
        var lines = [
            "restored \(state) (state \(summary.stateID)) at generation \(summary.generation): \(summary.countRows) counts, "
                + "\(summary.rawRows) raw rows, \(summary.lateRows) of them late",
            "all \(summary.proof.checks.filter { $0.verdict == .equal }.count) checks of its proof are equal",
            "next offsets in Kafka: " + offsets.map { "partition \($0.key): \($0.value)" }.joined(separator: ", "),
        ]
        if !summary.readAgain.isEmpty {
            let again = summary.readAgain.values.reduce(Int64(0), +)
            lines.append(
                "the last \(again) offsets that the counts table has are read again: their raw rows were not exported")
        }
        StandardStream.output.write(lines.joined(separator: "\n") + "\n")
    }
}
