// `pageviews maintain`: maintenance by itself, while no service runs on the state.

internal import ArgumentParser
internal import Export
internal import Foundation
internal import Logging
internal import SQLite
internal import ServiceLifecycle
internal import Store
internal import Windowing

struct MaintainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintain",
        abstract: "Merge the tables' small files, fold deletes in, expire snapshots, remove files that nothing uses.",
        discussion: """
            `pageviews ingest` does the same between its exports, as far as it is worth a commit; this command does all there is \
            to do. The state must not be in use. What was done is printed, one line each.
            """)

    @OptionGroup var kafka: KafkaOptions

    @Option(help: ArgumentHelp("The state file.", valueName: "file"))
    var state = "pageviews.db"

    @Flag(help: "Only print what would be done.")
    var dryRun = false

    @OptionGroup(title: "Export") var export: ExportOptions

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard export.warehouse != nil else { throw ValidationError("maintain needs --warehouse") }
    }

    func run() async throws {
        let log = global.logger
        let exporter = try ExistingState(path: state, holder: "pageviews maintain").exporter(export, log: log)
        let isDry = dryRun
        let service = OneTask(name: "maintain") {
            try await exporter().maintain(dryRun: isDry, mayGoOn: { !Task.isShuttingDownGracefully }) { line in
                try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
            }
        }
        try await ServiceGroup.run(log: log) { [service] }
    }
}

/// A piece of work as a service, so that signals end it gracefully.
struct OneTask: Service {
    let name: String
    let work: @Sendable () async throws -> Void

    func run() async throws { try await work() }
}

/// A state that was made before, opened for its own export.
struct ExistingState {
    let path: String
    /// What another process that wants the state is told of this one.
    let holder: String

    /// Opens the state and makes its exporter.
    /// - Throws: `Failure` when there is no state, `StoreError`, `SQLiteError`, `ObjectStorageError`.
    func exporter(_ options: ExportOptions, log: Logger) throws -> @Sendable () -> Exporter {
        let environment = ProcessInfo.processInfo.environment
        guard let warehouse = try ExportAssembly(options: options, environment: environment).warehouse() else {
            throw Failure("there is no --warehouse", exitCode: 2)
        }
        let store = SharedStore(try open())
        let settings = options.settings(state: path)
        let surroundings = ExportEnvironment.system(log: log, environment: environment)
        return { Exporter(settings: settings, store: store, warehouse: warehouse, environment: surroundings) }
    }

    /// Opens the state with the windows it was made with.
    func open() throws -> Store {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure("there is no state at \(path); give --state", exitCode: 1)
        }
        return try Store(path: path, settings: try windows(), holder: "\(holder) (pid \(getpid()))")
    }

    private func windows() throws -> WindowSettings {
        let reader: Connection
        do {
            reader = try Connection(path: path, mode: .readOnly)
            try reader.set(.noCheckpointOnClose, true)
            let number = { (key: String) in
                try reader.text("SELECT value FROM meta WHERE key = '\(key)'").flatMap { Int64($0) }
            }
            let (window, delay) = (try number("window_ms"), try number("watermark_delay_ms"))
            return try WindowSettings(
                windowMilliseconds: window ?? 60_000, watermarkDelayMilliseconds: delay ?? 20_000)
        } catch is SQLiteError {
            throw StoreError.notAState(path: path)
        }
    }
}
