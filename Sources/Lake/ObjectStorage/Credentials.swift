// Credentials for signing, from the environment or the shared credentials file, in the AWS SDKs' order. `description`,
// `dump` and string interpolation show only the access key's id.

/// An access key, with a session token when it is temporary.
package struct Credentials: Sendable, Equatable {
    /// The access key's id, which is not secret.
    package var accessKeyID: String
    /// The secret key.
    package var secretAccessKey: String
    /// The session token of temporary credentials, sent as x-amz-security-token.
    package var sessionToken: String?

    /// Credentials with these values.
    package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The access key's id, without secrets.
    package var description: String { "credentials \(accessKeyID)" }
    /// The access key's id, without secrets.
    package var debugDescription: String { description }
    /// The access key's id, without secrets.
    package var customMirror: Mirror { Mirror(self, children: ["accessKeyID": accessKeyID]) }
}

/// A source of credentials. Every request loads them, so a rotated file takes effect without a restart.
package struct CredentialsSource: Sendable {
    let load: @Sendable () throws(ObjectStorageError) -> Credentials

    /// A source that always returns `credentials`.
    package static func fixed(_ credentials: Credentials) -> CredentialsSource {
        CredentialsSource { () throws(ObjectStorageError) in credentials }
    }

    /// Reads AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN when the first two are set. Otherwise reads
    /// the profile AWS_PROFILE (else AWS_DEFAULT_PROFILE, else `default`) of AWS_SHARED_CREDENTIALS_FILE (else
    /// `~/.aws/credentials`). Loading throws `badCredentials` when neither is complete.
    package static func standard(environment: [String: String]) -> CredentialsSource {
        CredentialsSource { () throws(ObjectStorageError) in
            if let credentials = try fromEnvironment(environment) { return credentials }
            return try fromFile(environment)
        }
    }

    private static func fromEnvironment(
        _ environment: [String: String]
    ) throws(ObjectStorageError) -> Credentials? {
        let id = environment["AWS_ACCESS_KEY_ID"] ?? ""
        let secret = environment["AWS_SECRET_ACCESS_KEY"] ?? ""
        if id.isEmpty && secret.isEmpty { return nil }
        guard !id.isEmpty, !secret.isEmpty else {
            throw failure("only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set")
        }
        let token = environment["AWS_SESSION_TOKEN"] ?? ""
        return Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token.isEmpty ? nil : token)
    }

    private static func fromFile(_ environment: [String: String]) throws(ObjectStorageError) -> Credentials {
        let profile = environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"] ?? "default"
        let path = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? (environment["HOME"] ?? "") + "/.aws/credentials"
        guard let bytes = LocalFiles.readSmallFile(path, limit: 1 << 20) else {
            throw failure("no AWS_ACCESS_KEY_ID in the environment, and \(path) cannot be read")
        }
        return try SharedCredentialsFile.parse(String(decoding: bytes, as: UTF8.self), profile: profile, path: path)
    }

    static func failure(_ detail: String) -> ObjectStorageError {
        ObjectStorageError(kind: .badCredentials, operation: "open", object: "credentials", detail: detail)
    }
}

/// The AWS tools' shared INI file (https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
enum SharedCredentialsFile {
    static func parse(
        _ text: String, profile: String, path: String
    ) throws(ObjectStorageError) -> Credentials {
        guard let section = section(text, profile) else {
            throw CredentialsSource.failure("\(path) has no profile \(profile)")
        }
        guard let id = section["aws_access_key_id"], let secret = section["aws_secret_access_key"] else {
            throw CredentialsSource.failure(
                "profile \(profile) in \(path) lacks aws_access_key_id or aws_secret_access_key")
        }
        return Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: section["aws_session_token"])
    }

    private static func section(_ text: String, _ profile: String) -> [String: String]? {
        var found: [String: String]?
        var isInside = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = trim(line)
            if line.hasPrefix("#") || line.hasPrefix(";") { continue }
            if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
                isInside = trim(line[line.index(after: line.startIndex)..<end]) == profile
                if isInside, found == nil { found = [:] }
            } else if isInside, let equals = line.firstIndex(of: "=") {
                let value = trim(line[line.index(after: equals)...])
                if !value.isEmpty { found?[trim(line[..<equals]).lowercased()] = value }
            }
        }
        return found
    }

    private static func trim(_ text: Substring) -> String {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
