// One error type for all stores. `kind` is what a caller acts on; the rest is for people. Messages name the object and
// what to do, and never hold a secret: no credentials, no Authorization header, no signed string.

/// A call to an object store that did not do what was asked.
package struct ObjectStorageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can act on.
    package enum Kind: String, Sendable, Equatable, CaseIterable {
        /// No object has this key.
        case notFound
        /// The bucket or root folder does not exist.
        case storeNotFound
        /// The condition of a put did not hold; nothing was changed.
        case preconditionFailed
        /// The credentials are good, but not for this.
        case denied
        /// The credentials are missing, unknown, expired, or do not fit the signature.
        case badCredentials
        /// This machine's clock and the server's differ too much (RequestTimeTooSkewed).
        case clockSkew
        /// The server asked to slow down until the deadline; nothing was changed.
        case throttled
        /// The store could not be reached or gave no usable answer before the deadline; nothing was changed.
        case unavailable
        /// A write may or may not have taken effect. Look before acting.
        case unknownOutcome
        /// The request makes no sense to this store: key, range, location, region, size.
        case invalid
        /// No space left where the object, or the local file, is to be written.
        case diskFull
        /// The task was cancelled; nothing was changed.
        case cancelled
    }

    /// What a caller can act on.
    package var kind: Kind
    /// What was tried: `put`, `get`, `head`, `list`, `delete`, `open`.
    package var operation: String
    /// The object as a location: `s3://bucket/key`.
    package var object: String
    /// What happened, in the store's or the transport's words.
    package var detail: String
    /// Whether the write may have taken effect; true with `unknownOutcome`, false otherwise.
    var mayHaveBeenApplied = false
    /// S3's own code, where it sent one.
    var code: String?

    /// An error with these parts.
    package init(kind: Kind, operation: String, object: String, detail: String) {
        self.kind = kind
        self.operation = operation
        self.object = object
        self.detail = detail
        mayHaveBeenApplied = kind == .unknownOutcome
    }

    /// One line: what failed, on what, what to do.
    package var description: String { "\(operation) \(object): \(detail); \(advice)" }

    /// What to do.
    package var advice: String {
        switch kind {
        case .notFound: "check the location"
        case .storeNotFound: "create it, or correct the location"
        case .preconditionFailed: "another writer was first: read the object again and decide again"
        case .denied: "grant these credentials the right to do this"
        case .badCredentials:
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile in the shared "
                + "credentials file"
        case .clockSkew: "correct this machine's clock (NTP)"
        case .throttled: "it will be tried again; lower the load if this persists"
        case .unavailable: "it will be tried again; check that the store is up and reachable"
        case .unknownOutcome: "it may or may not have taken effect: look at the object before trying again"
        case .invalid: "correct the location or the setting"
        case .diskFull: "free space there"
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
