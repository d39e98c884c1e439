// Classifies one attempt as an answer, a failure to retry or a final failure. Pure.
// Error codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html

import HTTP

enum S3Verdict: Equatable {
    case answer(HTTPResponse)
    case retry(S3Failure)
    case final(S3Failure)
}

struct S3Failure: Equatable {
    var kind: ObjectStorageError.Kind
    /// Status, code and message, for the error text.
    var detail: String
    /// Whether this attempt may have taken effect.
    var mayHaveBeenApplied = false
    var retryAfter: Duration?
    /// S3's error code, where it sent one.
    var code: String?
}

extension S3Verdict {
    static func judge(
        _ result: Result<HTTPResponse, HTTPError>, of request: S3Request, time: Int64
    ) -> S3Verdict {
        switch result {
        case .success(let response):
            if response.isSuccess, !request.mayHideError { return .answer(response) }
            let error = S3ErrorBody(response.body)
            if response.isSuccess, error.code == nil { return .answer(response) }
            return judge(response, error, isWrite: request.isWrite, time: time)
        case .failure(let error):
            return judge(error, isWrite: request.isWrite)
        }
    }

    private static func judge(_ error: HTTPError, isWrite: Bool) -> S3Verdict {
        let mayHaveBeenApplied = isWrite && error.requestMayHaveBeenProcessed
        func failure(_ kind: ObjectStorageError.Kind) -> S3Failure {
            S3Failure(kind: kind, detail: "no answer: \(error)", mayHaveBeenApplied: mayHaveBeenApplied)
        }
        switch error.kind {
        case .invalidRequest, .responseTooLarge: return .final(failure(.invalid))
        case .localFile(let number):
            let kind = SystemErrors.kind(number)
            return .final(failure(kind == .notFound ? .invalid : kind))
        case .cancelled: return .final(failure(.cancelled))
        case .closed: return .final(failure(.unavailable))
        case .couldNotResolve, .couldNotConnect, .tls, .timedOut, .connectionLost, .truncatedResponse:
            return .retry(failure(.unavailable))
        }
    }

    private static func judge(
        _ response: HTTPResponse, _ error: S3ErrorBody, isWrite: Bool, time: Int64
    ) -> S3Verdict {
        var failure = S3Failure(kind: .invalid, detail: error.text(status: response.status), code: error.code)
        failure.retryAfter = response.headers["Retry-After"].flatMap { Int64($0) }.map {
            .seconds(min(max($0, 0), 3600))
        }
        if let code = error.code, let known = known(code) {
            failure.kind = known.kind
            if known.kind == .clockSkew { failure.detail += skew(response, time) }
            return known.isWorthRetrying ? .retry(failure) : .final(failure)
        }
        return judge(status: response.status, failure, isWrite: isWrite)
    }

    /// Classifies an answer whose code is missing (HEAD, proxies) or unknown. A 5xx may come from a proxy after the
    /// server acted on the request.
    private static func judge(status: Int, _ failure: S3Failure, isWrite: Bool) -> S3Verdict {
        var failure = failure
        switch status {
        case 401: failure.kind = .badCredentials
        case 403: failure.kind = .denied
        case 404: failure.kind = .notFound
        case 412: failure.kind = .preconditionFailed
        case 501: failure.kind = .invalid
        case 507: failure.kind = .diskFull
        case 429:
            failure.kind = .throttled
            return .retry(failure)
        case 200..<300, 408, 500...:
            failure.kind = .unavailable
            failure.mayHaveBeenApplied = isWrite
            return .retry(failure)
        case 300..<400:
            failure.detail += ": the bucket is in another region or at another endpoint; set the region or the endpoint"
        default: break
        }
        return .final(failure)
    }

    /// The kind of an error code that is more specific than its status.
    private static func known(_ code: String) -> (kind: ObjectStorageError.Kind, isWorthRetrying: Bool)? {
        switch code {
        case "NoSuchKey", "NoSuchUpload", "NoSuchVersion": (.notFound, false)
        case "NoSuchBucket": (.storeNotFound, false)
        case "PreconditionFailed": (.preconditionFailed, false)
        case "AccessDenied", "AllAccessDisabled", "AccountProblem": (.denied, false)
        case "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired",
            "InvalidSecurity", "NotSignedUp":
            (.badCredentials, false)
        case "NotImplemented", "MethodNotAllowed": (.invalid, false)
        case "RequestTimeTooSkewed", "RequestExpired": (.clockSkew, false)
        case "QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded":
            (.diskFull, false)
        case "SlowDown", "SlowDownRead", "SlowDownWrite", "TooManyRequests", "Throttling", "ThrottlingException",
            "RequestLimitExceeded", "BandwidthLimitExceeded":
            (.throttled, true)
        // The server refused the whole request, so it has certainly not taken effect.
        case "RequestTimeout", "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "ConditionalRequestConflict",
            "OperationAborted":
            (.unavailable, true)
        default: nil
        }
    }

    private static func skew(_ response: HTTPResponse, _ time: Int64) -> String {
        guard let theirs = response.headers["Date"].flatMap({ Timestamps.parseHTTP($0) }) else { return "" }
        return " (this machine's clock is \(time - theirs) s ahead of the server's)"
    }
}

/// The XML body of an error answer.
struct S3ErrorBody {
    var code: String?
    var message: String?

    init(code: String?, message: String?) {
        self.code = code
        self.message = message
    }

    init(_ body: [UInt8]) {
        guard let root = try? XMLElement.parse(body), root.name == "Error" || root.name == "ErrorResponse" else {
            return
        }
        let error = root.child("Error") ?? root
        code = error.text("Code")
        message = error.text("Message")
    }

    /// `403 AccessDenied (message)`. The server's text is untrusted: at most 300 scalars, without control characters.
    func text(status: Int) -> String {
        let words = ["\(status)", code, message.map { "(\($0))" }].compactMap { $0 }.joined(separator: " ")
        return String(
            String.UnicodeScalarView(
                words.unicodeScalars.prefix(300).filter { $0.properties.generalCategory != .control }))
    }
}
