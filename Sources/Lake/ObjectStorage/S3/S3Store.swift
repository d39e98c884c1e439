// A bucket of an S3-compatible server as an `ObjectStore`. This file reads; extensions write, list and delete.

package import HTTP

/// A bucket. Sends keys byte for byte.
package final class S3Store: ObjectStore {
    /// `s3://bucket`
    package var name: String { "s3://\(caller.bucket)" }

    let caller: S3Caller
    var settings: S3Settings { caller.settings }

    /// A bucket reached through `client`. Sends nothing yet.
    /// - Throws: `invalid` when the endpoint is malformed.
    package init(
        bucket: String, settings: S3Settings, client: HTTPClient, timing: Timing = .system
    ) throws(ObjectStorageError) {
        caller = S3Caller(
            bucket: bucket, endpoint: try S3Endpoint(settings, bucket: bucket), settings: settings, client: client,
            timing: timing)
    }

    /// Reads an object; see `ObjectStore`.
    package func get(_ key: String, range: ByteRange?) async throws(ObjectStorageError) -> ObjectData {
        try await get(key, range, deadline: caller.deadline(bytes: range.map { size(of: $0) } ?? 0))
    }

    /// Reads an object into a file; see `ObjectStore`.
    package func download(_ key: String, to path: String) async throws(ObjectStorageError) -> ObjectInfo {
        let before = try await head(key)
        var request = S3Request(operation: "get", method: "GET", key: key)
        request.sink = .file(path: path)
        request.maximumResponseBytes = .max
        let response = try await caller.call(request, deadline: caller.deadline(bytes: before.size))
        return info(key, response, size: response.headers["Content-Length"].flatMap { Int64($0) } ?? before.size)
    }

    /// An object's entry; see `ObjectStore`.
    package func head(_ key: String) async throws(ObjectStorageError) -> ObjectInfo {
        try check(key, "head")
        let deadline = caller.deadline()
        do throws(ObjectStorageError) {
            let response = try await caller.call(
                S3Request(operation: "head", method: "HEAD", key: key), deadline: deadline)
            return info(key, response, size: response.headers["Content-Length"].flatMap { Int64($0) } ?? 0)
        } catch {
            guard [.denied, .badCredentials, .invalid].contains(error.kind) else { throw error }
            return try await explain(error, key, deadline)
        }
    }

    /// Reads the first byte to learn the error code, because an answer to HEAD has no body.
    private func explain(
        _ bare: ObjectStorageError, _ key: String, _ deadline: Duration
    ) async throws(ObjectStorageError) -> ObjectInfo {
        var request = S3Request(operation: "head", method: "GET", key: key)
        request.headers = [("Range", "bytes=0-0")]
        do throws(ObjectStorageError) {
            let response = try await caller.call(request, deadline: deadline)
            return info(key, response, size: totalSize(response))
        } catch {
            throw error.code == "InvalidRange" ? bare : error
        }
    }

    func get(
        _ key: String, _ range: ByteRange?, deadline: Duration
    ) async throws(ObjectStorageError) -> ObjectData {
        try check(key, "get")
        var request = S3Request(operation: "get", method: "GET", key: key)
        request.maximumResponseBytes = settings.maximumBytesInMemory
        if let range { request.headers = [("Range", try header(range, key))] }
        do throws(ObjectStorageError) {
            let response = try await caller.call(request, deadline: deadline)
            return try data(key, response, range)
        } catch {
            // S3 rejects a suffix range of an empty object; this protocol returns no bytes.
            guard case .suffix = range, error.code == "InvalidRange" else { throw error }
            return ObjectData(info: try await head(key), bytes: [])
        }
    }

    private func data(
        _ key: String, _ response: HTTPResponse, _ range: ByteRange?
    ) throws(ObjectStorageError) -> ObjectData {
        let info = info(key, response, size: totalSize(response))
        guard let range, response.status != 206 else { return ObjectData(info: info, bytes: response.body) }
        // The server ignored the range and sent the whole object.
        guard let slice = range.resolve(size: Int64(response.body.count)) else {
            throw failure(.invalid, "get", key, "the range starts at or past the end")
        }
        return ObjectData(info: info, bytes: Array(response.body[Int(slice.lowerBound)..<Int(slice.upperBound)]))
    }

    /// The Range header (RFC 9110, 14.1.2), whose last byte is inclusive.
    private func header(_ range: ByteRange, _ key: String) throws(ObjectStorageError) -> String {
        switch range {
        case .slice(let slice) where slice.lowerBound >= 0 && !slice.isEmpty:
            return "bytes=\(slice.lowerBound)-\(slice.upperBound - 1)"
        case .suffix(let count) where count > 0: return "bytes=-\(count)"
        default: throw failure(.invalid, "get", key, "the range is empty or negative")
        }
    }

    private func size(of range: ByteRange) -> Int64 {
        switch range {
        case .slice(let slice): Int64(clamping: slice.count)
        case .suffix(let count): min(max(0, count), settings.maximumBytesInMemory)
        }
    }

    /// The object's size from `Content-Range: bytes 0-9/1234`, else the length of the body.
    private func totalSize(_ response: HTTPResponse) -> Int64 {
        let total = response.headers["Content-Range"]?.split(separator: "/").last.flatMap { Int64($0) }
        return total ?? Int64(response.body.count)
    }

    func info(_ key: String, _ response: HTTPResponse, size: Int64) -> ObjectInfo {
        ObjectInfo(
            key: key, size: size, etag: response.headers["ETag"] ?? "",
            modifiedAt: response.headers["Last-Modified"].flatMap { Timestamps.parseHTTP($0) })
    }

    func check(_ key: String, _ operation: String) throws(ObjectStorageError) {
        if let defect = KeyRules.defect(key) { throw failure(.invalid, operation, key, defect) }
    }

    func failure(
        _ kind: ObjectStorageError.Kind, _ operation: String, _ key: String, _ detail: String
    ) -> ObjectStorageError {
        ObjectStorageError(kind: kind, operation: operation, object: caller.location(key), detail: detail)
    }
}
