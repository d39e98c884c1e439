// Opens an existing state with the window length it was created with, for the commands that work without a service.

import Foundation
import Glibc
import Log
import SQLite
import State
import Windowing

/// An existing state.
struct ExistingState {
    let path: String
    /// The name of this process in the error of another process that wants the state.
    let holder: String

    /// The ways to open a state.
    enum Access {
        /// As its one writer.
        case writing
        /// For reading, while a service may be writing it.
        case reading
    }

    /// Opens the state for work on its tables.
    /// - Throws: `Failure` when there is no state or warehouse, `StoreError`, `SQLiteError`, `ObjectStorageError`.
    func tableWork(_ options: ExportOptions, access: Access = .writing, log: Logger) throws -> TableWork {
        let environment = ProcessInfo.processInfo.environment
        let assembly = ExportAssembly(options: options, environment: environment)
        for warning in assembly.plainTextWarnings { log.warning("\(warning)") }
        guard let warehouse = try assembly.warehouse() else {
            throw Failure("there is no --warehouse: give the one that `ingest` exports to", exitCode: 2)
        }
        let store = SharedStore(try open(access))
        return TableWork(
            settings: options.settings(state: path), store: store, warehouse: warehouse,
            environment: .system(log: log, environment: environment))
    }

    /// Opens the state with the window length it was created with.
    /// - Throws: `Failure` when there is no state, `StoreError`, `SQLiteError`.
    func open(_ access: Access = .writing) throws -> Store {
        let windows = try windows()
        switch access {
        case .writing: return try Store(path: path, settings: windows, holder: "\(holder) (pid \(getpid()))")
        case .reading: return try Store(readingOnly: path, settings: windows)
        }
    }

    /// Refuses a path where there is no file.
    /// - Throws: `Failure`.
    static func check(_ path: String) throws {
        guard access(path, F_OK) == 0 else {
            guard errno == ENOENT else {
                throw Failure("cannot read the state \(path): \(String(cString: strerror(errno)))", exitCode: 1)
            }
            throw Failure("there is no state \(path); give the --state that `ingest` writes", exitCode: 1)
        }
    }

    /// The window settings that the state was created with.
    /// - Throws: `Failure` when there is no state, `StoreError`.
    func windows() throws -> WindowSettings {
        try Self.check(path)
        do {
            let reader = try StateReader(path)
            return try WindowSettings(
                windowMilliseconds: try reader.windowMilliseconds(),
                watermarkDelayMilliseconds: try reader.number(.watermarkDelayMilliseconds) ?? 20_000)
        } catch let error as SQLiteError where error.isCorrupt {
            throw StoreError(error, path: path)
        }
    }
}
