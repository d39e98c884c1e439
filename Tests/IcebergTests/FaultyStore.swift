// A store in memory whose next write of a name goes wrong as told.
import Base
import ObjectStorage

final class FaultyStore: ObjectStore {
    enum Fault {
        /// Written, but the answer was lost.
        case appliedUnknown
        /// Not written yet, and nobody can tell.
        case lostUnknown
        /// Answered as if it were written, and not written.
        case lostConfirmed
        /// Refused.
        case denied
    }

    private struct Plan {
        var faults: [String: Fault] = [:]
        var before: [String: @Sendable () async -> Void] = [:]
    }

    private let store = MemoryStore()
    private let plan = Lock(Plan())

    func next(_ fault: Fault, on name: String) { plan.withLock { $0.faults[name] = fault } }

    func before(_ name: String, _ action: @escaping @Sendable () async -> Void) {
        plan.withLock { $0.before[name] = action }
    }

    var name: String { store.name }

    func put(_ key: String, _ body: ObjectBody, condition: PutCondition) async throws(ObjectStorageError) -> ObjectInfo
    {
        let name = String(key.split(separator: "/").last ?? "")
        if let action = plan.withLock({ $0.before.removeValue(forKey: name) }) { await action() }
        let fault = plan.withLock { $0.faults.removeValue(forKey: name) }
        switch fault {
        case .appliedUnknown:
            _ = try await store.put(key, body, condition: condition)
            throw ObjectStorageError(kind: .unknownOutcome, operation: "put", object: key, detail: "no answer")
        case .lostUnknown:
            throw ObjectStorageError(kind: .unknownOutcome, operation: "put", object: key, detail: "no answer")
        case .lostConfirmed: return ObjectInfo(key: key, size: 0, etag: "")
        case .denied: throw ObjectStorageError(kind: .denied, operation: "put", object: key, detail: "read-only")
        case nil: return try await store.put(key, body, condition: condition)
        }
    }

    func get(_ key: String, range: ByteRange?) async throws(ObjectStorageError) -> ObjectData {
        try await store.get(key, range: range)
    }

    func download(_ key: String, to path: String) async throws(ObjectStorageError) -> ObjectInfo {
        try await store.download(key, to: path)
    }

    func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo { try await store.head(key) }

    func listPage(
        prefix: String, continuation: String?, limit: Int
    ) async throws(ObjectStorageError) -> ListPage {
        try await store.listPage(prefix: prefix, continuation: continuation, limit: limit)
    }

    func delete(_ keys: [String]) async throws(ObjectStorageError) { try await store.delete(keys) }
}
