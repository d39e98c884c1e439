// Deletes objects in batches of up to 1000 keys
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html). Falls back to one request per object for
// keys that XML cannot carry and servers without batch delete.

import Crypto
import HTTP

extension S3Store {
    private static let largestBatch = 1000

    /// Removes objects; see `ObjectStore`.
    package func delete(_ keys: [String]) async throws(ObjectStorageError) {
        for key in keys { try check(key, "delete") }
        var batch: [(key: String, escaped: String)] = []
        for key in keys {
            if let escaped = XMLText.escape(key) { batch.append((key, escaped)) } else { try await deleteOne(key) }
            if batch.count == Self.largestBatch {
                try await delete(batch: batch)
                batch = []
            }
        }
        if batch.count == 1 {
            try await deleteOne(batch[0].key)
        } else if !batch.isEmpty {
            try await delete(batch: batch)
        }
    }

    private func deleteOne(_ key: String) async throws(ObjectStorageError) {
        let request = S3Request(operation: "delete", method: "DELETE", key: key)
        do throws(ObjectStorageError) {
            _ = try await caller.call(request, deadline: caller.deadline())
        } catch {
            if error.kind != .notFound { throw error }
        }
    }

    private func delete(batch: [(key: String, escaped: String)]) async throws(ObjectStorageError) {
        let entries = batch.map { "<Object><Key>\($0.escaped)</Key></Object>" }.joined()
        let body = Array("<Delete><Quiet>true</Quiet>\(entries)</Delete>".utf8)
        var request = S3Request(operation: "delete", method: "POST", key: nil, query: [("delete", "")])
        request.headers = [("Content-Type", "application/xml")]
        request.body = .bytes(body)
        do throws(CryptoError) {
            request.headers.append(("Content-MD5", Base64.encode(try MD5.hash(body))))
            request.payloadHash = Hex.encode(try SHA256.hash(body))
        } catch {
            throw ObjectStorageError(
                kind: .invalid, operation: "delete", object: caller.location(nil), detail: error.description)
        }
        let response: HTTPResponse
        do throws(ObjectStorageError) {
            response = try await caller.call(request, deadline: caller.deadline())
        } catch {
            guard error.code == "NotImplemented" || error.code == "MethodNotAllowed" else { throw error }
            for entry in batch { try await deleteOne(entry.key) }
            return
        }
        try throwFirstError(response)
    }

    /// Throws the first error in the answer, whose status is 200 even when S3 could not delete some objects.
    private func throwFirstError(_ response: HTTPResponse) throws(ObjectStorageError) {
        guard let result = try? XMLElement.parse(response.body), result.name == "DeleteResult" else {
            throw ObjectStorageError(
                kind: .unknownOutcome, operation: "delete", object: name, detail: "the answer is malformed")
        }
        for entry in result.all("Error") {
            let code = entry.text("Code") ?? ""
            if code == "NoSuchKey" { continue }
            var error = failure(
                code == "AccessDenied" ? .denied : .unavailable, "delete", entry.text("Key") ?? "",
                S3ErrorBody(code: code, message: entry.text("Message")).text(status: response.status))
            error.code = code
            throw error
        }
    }
}
