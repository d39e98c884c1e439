// The error type of all stores. Callers act on `kind`; the other properties form the message. A message names the
// object and what to do, and contains no credentials, Authorization header or signed string.

import Base

/// A failed call to an object store.
package struct ObjectStorageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure.
    package enum Kind: String, Sendable, Equatable, CaseIterable {
        /// No object has this key.
        case notFound
        /// The bucket or root folder does not exist.
        case storeNotFound
        /// The condition of a put did not hold; nothing was changed.
        case preconditionFailed
        /// The credentials are valid but lack the permission.
        case denied
        /// The credentials are missing, unknown or expired, or the signature does not match.
        case badCredentials
        /// This machine's clock and the server's differ too much (RequestTimeTooSkewed).
        case clockSkew
        /// The server throttled every attempt until the deadline; nothing was changed.
        case throttled
        /// The store was unreachable or gave no usable answer before the deadline; nothing was changed.
        case unavailable
        /// A write may or may not have taken effect. Check the object before acting.
        case unknownOutcome
        /// The request is invalid for this store: key, range, location, region or size.
        case invalid
        /// No space is left for the object or the local file.
        case diskFull
        /// The task was cancelled; nothing was changed.
        case cancelled
    }

    /// The kind of failure.
    package var kind: Kind
    /// The operation: `put`, `get`, `head`, `list`, `delete`, `open` or `sign`.
    package var operation: String
    /// The object as a location: `s3://bucket/key`.
    package var object: String
    /// What happened, as the store or the transport reported it.
    package var detail: String
    /// Whether an attempt may have taken effect. True for `unknownOutcome`; S3Store also sets it on
    /// `preconditionFailed` and `notFound`, whose cause may be such an attempt.
    var mayHaveBeenApplied = false
    /// S3's error code, where it sent one.
    var code: String?

    /// An error with these parts.
    package init(kind: Kind, operation: String, object: String, detail: String) {
        self.kind = kind
        self.operation = operation
        self.object = object
        self.detail = detail
        mayHaveBeenApplied = kind == .unknownOutcome
    }

    /// The error in one line: operation, object, detail, advice.
    package var description: String { "\(operation) \(object): \(detail); \(advice)".onOneLine }

    /// What to do about the error.
    package var advice: String {
        switch kind {
        case .notFound: "check the location"
        case .storeNotFound: "create it, or correct the location"
        case .preconditionFailed: "another writer was first; re-read the object and decide again"
        case .denied: "grant these credentials the permission"
        case .badCredentials:
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile in the shared "
                + "credentials file"
        case .clockSkew: "correct this machine's clock (NTP)"
        case .throttled: "retry later, and lower the load if this persists"
        case .unavailable: "retry later, and check that the store is up and reachable"
        case .unknownOutcome: "it may or may not have taken effect; check the object before retrying"
        case .invalid: "correct the location or the setting"
        case .diskFull: "free disk space"
        case .cancelled: "nothing was changed"
        }
    }
}

extension ObjectStorageError {
    /// The error for a system call on a local file.
    static func system(
        _ number: Int32, operation: String, object: String, _ what: String
    ) -> ObjectStorageError {
        ObjectStorageError(
            kind: SystemErrors.kind(number), operation: operation, object: object,
            detail: "\(what): \(SystemErrors.text(number))")
    }
}
