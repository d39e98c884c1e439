// Writes a large object in parts (https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html): starts an
// upload, sends a few parts at a time, and completes it. Completion publishes the object; a failure aborts the upload.

import Crypto
import HTTP

/// The division of an object into parts. Pure.
struct PartPlan: Equatable {
    static let maximumParts: Int64 = 10_000
    let size: Int64
    let partBytes: Int64

    /// Parts of `preferred` bytes, or of whole MiB where there would be more than 10,000.
    init(size: Int64, preferred: Int64) {
        self.size = size
        let least = (size + Self.maximumParts - 1) / Self.maximumParts
        let rounded = (least + (1 << 20) - 1) / (1 << 20) * (1 << 20)
        partBytes = max(1, preferred, least > preferred ? rounded : 0)
        precondition(count <= Int(Self.maximumParts), "an upload has at most \(Self.maximumParts) parts")
    }

    var count: Int { Int((size + partBytes - 1) / partBytes) }

    /// The range of a part, in bytes; part numbers count from 1.
    func range(_ number: Int) -> Range<Int64> {
        let start = Int64(number - 1) * partBytes
        return start..<min(size, start + partBytes)
    }
}

extension S3Store {
    private struct Part: Sendable {
        var number: Int
        var etag: String
    }

    func putInParts(
        _ key: String, _ payload: Payload, deadline: Duration
    ) async throws(ObjectStorageError) -> ObjectInfo {
        let upload = try await startUpload(key, deadline)
        do throws(ObjectStorageError) {
            let parts = try await sendParts(key, upload, payload, deadline)
            return try await join(key, upload, parts, payload, deadline)
        } catch {
            // In a new task, because this one may be cancelled.
            await Task { await self.abandon(key, upload) }.value
            throw error
        }
    }

    private func startUpload(_ key: String, _ deadline: Duration) async throws(ObjectStorageError) -> String {
        var request = S3Request(operation: "put", method: "POST", key: key, query: [("uploads", "")])
        request.headers = [("Content-Type", "application/octet-stream")]
        let response: HTTPResponse
        do throws(ObjectStorageError) {
            response = try await caller.call(request, deadline: deadline)
        } catch {
            var error = error
            // An upload without parts is invisible, so a lost start changed nothing.
            if error.kind == .unknownOutcome { error.kind = .unavailable }
            throw error
        }
        guard let id = (try? XMLElement.parse(response.body))?.text("UploadId"), !id.isEmpty else {
            throw failure(.unavailable, "put", key, "the server returned no upload id")
        }
        return id
    }

    /// Sends all parts, `parallelParts` at a time; the first failure cancels the others.
    private func sendParts(
        _ key: String, _ upload: String, _ payload: Payload, _ deadline: Duration
    ) async throws(ObjectStorageError) -> [Part] {
        let plan = PartPlan(size: payload.size, preferred: settings.partBytes)
        let results = await withTaskGroup(of: Result<Part, ObjectStorageError>.self) { group in
            var results: [Result<Part, ObjectStorageError>] = []
            var next = 1
            while next <= min(plan.count, max(1, settings.parallelParts)) {
                group.addTask { [next] in await self.send(part: next, of: plan, key, upload, payload, deadline) }
                next += 1
            }
            while let result = await group.next() {
                results.append(result)
                if case .failure = result {
                    group.cancelAll()
                } else if next <= plan.count, !group.isCancelled {
                    group.addTask { [next] in await self.send(part: next, of: plan, key, upload, payload, deadline) }
                    next += 1
                }
            }
            return results
        }
        // Results are in the order of completion: failures after the first are cancellations.
        var parts: [Part] = []
        for result in results { parts.append(try result.get()) }
        guard parts.count == plan.count else { throw failure(.cancelled, "put", key, "cancelled between parts") }
        return parts.sorted { $0.number < $1.number }
    }

    private func send(
        part number: Int, of plan: PartPlan, _ key: String, _ upload: String, _ payload: Payload, _ deadline: Duration
    ) async -> Result<Part, ObjectStorageError> {
        do throws(ObjectStorageError) {
            let range = plan.range(number)
            var request = S3Request(operation: "put", method: "PUT", key: key)
            request.query = [("partNumber", "\(number)"), ("uploadId", upload)]
            request.payloadHash = try await hash(payload, range, key)
            request.body = payload.httpBody(range)
            let response = try await caller.call(request, deadline: deadline)
            guard let etag = response.headers["ETag"] else {
                throw failure(.unavailable, "put", key, "the server returned no entity tag for part \(number)")
            }
            return .success(Part(number: number, etag: etag))
        } catch {
            var error = error
            // Sending a part never changes the object, even when its outcome is unknown.
            if error.kind == .unknownOutcome { error.kind = Task.isCancelled ? .cancelled : .unavailable }
            return .failure(error)
        }
    }

    private func join(
        _ key: String, _ upload: String, _ parts: [Part], _ payload: Payload, _ deadline: Duration
    ) async throws(ObjectStorageError) -> ObjectInfo {
        var request = S3Request(operation: "put", method: "POST", key: key, query: [("uploadId", upload)])
        let entries = parts.map { part in
            "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(XMLText.escape(part.etag) ?? "")</ETag></Part>"
        }
        let body = Array("<CompleteMultipartUpload>\(entries.joined())</CompleteMultipartUpload>".utf8)
        request.headers = [("Content-Type", "application/xml")]
        request.body = .bytes(body)
        do throws(CryptoError) {
            request.payloadHash = Hex.encode(try SHA256.hash(body))
        } catch {
            throw failure(.invalid, "put", key, error.description)
        }
        request.mayHideError = true
        do throws(ObjectStorageError) {
            let response = try await caller.call(request, deadline: deadline)
            let etag = (try? XMLElement.parse(response.body))?.text("ETag") ?? ""
            return ObjectInfo(key: key, size: payload.size, etag: etag)
        } catch {
            return try await resolveJoin(error, key, payload, deadline)
        }
    }

    /// Resolves NoSuchUpload: if an earlier attempt without an answer completed the upload, the object holds our bytes.
    private func resolveJoin(
        _ error: ObjectStorageError, _ key: String, _ payload: Payload, _ deadline: Duration
    ) async throws(ObjectStorageError) -> ObjectInfo {
        var error = error
        guard error.code == "NoSuchUpload" else { throw error }
        if error.mayHaveBeenApplied {
            if let existing = await objectHolding(payload, key, deadline: deadline) { return existing }
            error.kind = .unknownOutcome
        } else {
            error.kind = .unavailable
            error.detail += ": another client removed the upload"
        }
        throw error
    }

    private func abandon(_ key: String, _ upload: String) async {
        let request = S3Request(operation: "put", method: "DELETE", key: key, query: [("uploadId", upload)])
        let deadline = caller.timing.uptime() + .seconds(10)
        // Best effort: leftover parts are invisible, and a lifecycle rule of the bucket removes them.
        _ = try? await caller.call(request, deadline: deadline)
    }
}
