// The exit code and the one-line text of each error.

import Tables
import TableScan
import Iceberg
import Ingest
import Kafka
import ObjectStorage
import SQLite
import Services
import State
import Windowing

/// Ends the program with a code, after everything has been printed.
struct ExitCode: Error, Equatable {
    let rawValue: Int32
    init(_ rawValue: Int32) { self.rawValue = rawValue }
}

/// An error as the user sees it: one line and an exit code.
struct Failure: Error {
    let text: String
    let exitCode: Int32

    init(_ text: String, exitCode: Int32) {
        self.text = text
        self.exitCode = exitCode
    }

    /// nil for wrong usage, which has its own form, and for unknown errors.
    init?(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as StoreError: self.init(error.description, exitCode: Self.exitCode(of: error))
        case let error as EvictedWindowsReopened: self.init(error.description, exitCode: 2)
        case let error as IngestError:
            self.init(error.description, exitCode: Self.exitCode(of: error))
        case let error as WindowSettings.OutOfBounds: self.init(error.description, exitCode: 2)
        case let error as KafkaError: self.init("Kafka: \(error.message)", exitCode: Self.exitCode(of: error))
        case let error as TableError: self.init(error.description, exitCode: Self.exitCode(of: error))
        case let error as TableReadError: self.init(error.description, exitCode: 1)
        case let error as CatalogError: self.init(error.description, exitCode: Self.exitCode(of: error))
        case let error as ObjectStorageError: self.init(error.description, exitCode: error.kind == .invalid ? 2 : 4)
        case let error as NoThreads: self.init(error.description, exitCode: 1)
        case let error as SQLiteError where error.isCorrupt:
            self.init(
                "the state is damaged: \(error.message); move it away and run `pageviews restore`, or go back to a backup",
                exitCode: 1)
        case let error as SQLiteError: self.init("state: \(error.message)", exitCode: 1)
        default: return nil
        }
    }

    /// 4 when a service is unreachable or denies access, 1 when the data prevents the export.
    static func exitCode(ofExport error: any Error) -> Int32 {
        switch error {
        case let error as ObjectStorageError: error.kind == .invalid ? 1 : 4
        case let error as CatalogError: error.kind == .refused || error.kind == .malformed ? 1 : 4
        case let error as TableError: error.isUnsettled ? 4 : exitCode(of: error)
        default: 1
        }
    }

    /// Whether a failed export can succeed on a retry, without anyone acting.
    static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let error as ObjectStorageError: [.throttled, .unavailable, .unknownOutcome].contains(error.kind)
        case let error as CatalogError: [.unavailable, .unknownOutcome].contains(error.kind)
        case let error as TableError: error.isUnsettled
        default: false
        }
    }

    /// 5 when a table does not match the state, 2 for unsafe settings, else 1.
    private static func exitCode(of error: TableError) -> Int32 {
        error.isTableChanged ? 5 : error.isUnsafe ? 2 : 1
    }

    private static func exitCode(of error: IngestError) -> Int32 {
        error.isForeignState ? 5 : error.isUnreachable ? 4 : error.isWrongUsage ? 2 : 1
    }

    private static func exitCode(of error: StoreError) -> Int32 {
        switch error {
        case .inUse, .otherWriter, .filesLost, .severalNames, .otherCluster, .otherTopic: 5
        case .otherWindow: 2
        case .notAState, .newerVersion, .olderVersion, .unreadable, .locked, .failed, .damaged, .cannotOpen: 1
        }
    }

    private static func exitCode(of error: CatalogError) -> Int32 {
        switch error.kind {
        case .denied, .unavailable, .unknownOutcome: 4
        case .notFound, .refused, .malformed: 1
        }
    }

    private static func exitCode(of error: KafkaError) -> Int32 {
        error.isConnection || error.isAuthentication ? 4 : error.isInvalidSetting ? 2 : 1
    }
}
