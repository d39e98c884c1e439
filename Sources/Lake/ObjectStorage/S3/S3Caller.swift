// Performs one S3 operation: signs, sends and classifies attempts until an answer, a final failure or the deadline.

import Crypto
import HTTP

struct S3Caller: Sendable {
    let bucket: String
    let endpoint: S3Endpoint
    let settings: S3Settings
    let client: HTTPClient
    let timing: Timing

    /// The deadline, on the uptime clock, of a call that transfers `bytes` bytes of body.
    func deadline(bytes: Int64 = 0) -> Duration {
        timing.uptime() + settings.callTimeout + .seconds(bytes / max(1, settings.slowestBytesPerSecond))
    }

    /// The answer, with a 2xx status. A failure after an attempt that may have taken effect is `unknownOutcome`, except
    /// for `preconditionFailed` and `notFound` with `mayHaveBeenApplied` set, which the caller resolves.
    func call(_ request: S3Request, deadline: Duration) async throws(ObjectStorageError) -> HTTPResponse {
        var mayHaveBeenApplied = false
        var attempt = 0
        while true {
            attempt += 1
            let failure: S3Failure
            switch await self.attempt(request, deadline) {
            case .answer(let response): return response
            case .final(let final): throw error(final, request, mayHaveBeenApplied)
            case .retry(let retry): failure = retry
            }
            mayHaveBeenApplied = mayHaveBeenApplied || failure.mayHaveBeenApplied
            let pause = settings.retry.pause(
                after: attempt, random: timing.random(), retryAfter: failure.retryAfter,
                remaining: deadline - timing.uptime())
            guard let pause else { throw error(failure, request, mayHaveBeenApplied, attempts: attempt) }
            await timing.sleep(pause)
        }
    }

    private func attempt(_ request: S3Request, _ deadline: Duration) async -> S3Verdict {
        let remaining = deadline - timing.uptime()
        guard remaining > .zero else {
            return .final(S3Failure(kind: .unavailable, detail: "the deadline has passed"))
        }
        let credentials: Credentials
        do throws(ObjectStorageError) {
            credentials = try settings.credentials.load()
        } catch {
            return .final(S3Failure(kind: error.kind, detail: error.detail))
        }
        let time = timing.wallClock()
        let signed: HTTPRequest
        do throws(CryptoError) {
            signed = try request.signed(endpoint, settings, credentials, time: time, timeout: remaining)
        } catch {
            return .final(S3Failure(kind: .invalid, detail: error.description))
        }
        let result: Result<HTTPResponse, HTTPError>
        do throws(HTTPError) {
            result = .success(try await client.send(signed))
        } catch {
            result = .failure(error)
        }
        return S3Verdict.judge(result, of: request, time: time)
    }

    private func error(
        _ failure: S3Failure, _ request: S3Request, _ earlierMayHaveBeenApplied: Bool, attempts: Int = 1
    ) -> ObjectStorageError {
        var error = ObjectStorageError(
            kind: failure.kind, operation: request.operation, object: location(request.key),
            detail: failure.detail + (attempts > 1 ? " (after \(attempts) attempts)" : ""))
        error.code = failure.code
        error.mayHaveBeenApplied = earlierMayHaveBeenApplied || failure.mayHaveBeenApplied
        let canBeLookedInto = failure.kind == .preconditionFailed || failure.kind == .notFound
        if error.mayHaveBeenApplied, !canBeLookedInto { error.kind = .unknownOutcome }
        return error
    }

    func location(_ key: String?) -> String { key.map { "s3://\(bucket)/\($0)" } ?? "s3://\(bucket)" }
}
