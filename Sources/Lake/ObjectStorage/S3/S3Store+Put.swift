// Writes an object in one request (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html), and
// resolves a condition that fails after an attempt with an unknown outcome.

import HTTP

extension S3Store {
    private static let largestSinglePut: Int64 = 5 << 30

    /// Writes an object; see `ObjectStore`.
    ///
    /// When a conditional put finds an object after an attempt without an answer, it compares the object's bytes: equal
    /// bytes mean that the put took effect. Where it matters which writer won, give the object content that no other
    /// writer produces, such as an id.
    package func put(
        _ key: String, _ body: ObjectBody, condition: PutCondition
    ) async throws(ObjectStorageError) -> ObjectInfo {
        try check(key, "put")
        let payload: Payload
        do throws(SystemFailure) {
            payload = try await Payload(body)
        } catch {
            throw error.asSourceError(caller.location(key))
        }
        let deadline = caller.deadline(bytes: payload.size)
        if condition == .none, payload.size > settings.multipartThreshold {
            return try await putInParts(key, payload, deadline: deadline)
        }
        guard payload.size <= Self.largestSinglePut else {
            throw failure(.invalid, "put", key, "\(payload.size) bytes exceed the 5 GiB of a conditional put")
        }
        return try await putWhole(key, payload, condition, deadline: deadline)
    }

    private func putWhole(
        _ key: String, _ payload: Payload, _ condition: PutCondition, deadline: Duration
    ) async throws(ObjectStorageError) -> ObjectInfo {
        var request = S3Request(operation: "put", method: "PUT", key: key)
        request.headers = [("Content-Type", "application/octet-stream")] + headers(condition)
        request.payloadHash = try await hash(payload, 0..<payload.size, key)
        request.body = payload.httpBody(0..<payload.size)
        do throws(ObjectStorageError) {
            let response = try await caller.call(request, deadline: deadline)
            return info(key, response, size: payload.size)
        } catch {
            return try await resolve(error, key, payload, condition, deadline: deadline)
        }
    }

    private func headers(_ condition: PutCondition) -> [(name: String, value: String)] {
        switch condition {
        case .none: []
        case .ifAbsent: [("If-None-Match", "*")]
        case .ifMatch(let etag): [("If-Match", etag)]
        }
    }

    /// Resolves the outcome of a failed put.
    private func resolve(
        _ error: ObjectStorageError, _ key: String, _ payload: Payload, _ condition: PutCondition, deadline: Duration
    ) async throws(ObjectStorageError) -> ObjectInfo {
        var error = error
        // S3 answers If-Match with NoSuchKey when no object has the key.
        if case .ifMatch = condition, error.kind == .notFound { error.kind = .preconditionFailed }
        if error.kind == .notFound, error.mayHaveBeenApplied { error.kind = .unknownOutcome }
        guard error.kind == .preconditionFailed, error.mayHaveBeenApplied else { throw error }
        if let existing = await objectHolding(payload, key, deadline: deadline) { return existing }
        error.kind = .unknownOutcome
        error.detail = "an attempt without an answer, then \(error.detail); the object holds other bytes"
        throw error
    }

    /// The object under the key if it holds exactly these bytes; nil if not, or if reading it fails.
    func objectHolding(_ payload: Payload, _ key: String, deadline: Duration) async -> ObjectInfo? {
        let step: Int64 = 4 << 20
        var position: Int64 = 0
        var first: ObjectInfo?
        repeat {
            let range = position..<min(payload.size, position + step)
            let wanted: ByteRange? = payload.size == 0 ? nil : .slice(range)
            guard let ours = try? await payload.read(range),
                let theirs = try? await get(key, wanted, deadline: deadline),
                theirs.info.size == payload.size, theirs.bytes == ours, theirs.info.etag == (first ?? theirs.info).etag
            else { return nil }
            first = theirs.info
            position = range.upperBound
        } while position < payload.size
        return first
    }

    func hash(
        _ payload: Payload, _ range: Range<Int64>, _ key: String
    ) async throws(ObjectStorageError) -> String {
        do throws(SystemFailure) {
            return try await payload.hash(range)
        } catch {
            throw error.asSourceError(caller.location(key))
        }
    }
}
