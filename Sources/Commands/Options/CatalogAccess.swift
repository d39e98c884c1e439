// Chooses the credentials for requests to a catalog.
//
// A catalog receives only the credentials meant for it, from their two variables. --catalog-auth sigv4 signs requests with
// the warehouse's keys: the secret key stays in the process, and the session token is sent.

import Arguments
import Iceberg
import ObjectStorage

/// The ways to authorize requests to a catalog.
enum CatalogAuth: String, CaseIterable, Sendable {
    case none, bearer, oauth2, sigv4
}

/// The options that choose one of them.
struct CatalogAccess: Sendable {
    /// The variable with a bearer token.
    static let token = "PAGEVIEWS_CATALOG_TOKEN"
    /// The variable with `id:secret`.
    static let credential = "PAGEVIEWS_CATALOG_CREDENTIAL"

    /// nil to choose by the variables that are set.
    var auth: CatalogAuth?
    var oauthServer: String?
    var scope = "catalog"
    var signingName: String?
    var signingRegion: String?

    static let rows: [Option<CatalogAccess>] = [
        .value(
            "catalog-auth", \.auth, .choice, "way",
            """
            Authorization of requests to the catalog; sigv4 signs with the AWS keys. (default: bearer with \
            PAGEVIEWS_CATALOG_TOKEN, oauth2 with PAGEVIEWS_CATALOG_CREDENTIAL, else none)
            """),
        .value(
            "catalog-oauth-server", \.oauthServer, .text, "url",
            "URL where oauth2 exchanges the credential for a token. (default: v1/oauth/tokens of the catalog)"
        ).showing(\.withoutCredentials),
        .value("catalog-scope", \.scope, .text, "scope", "The scope that oauth2 requests."),
        .value(
            "catalog-signing-name", \.signingName, .text, "service",
            """
            The service that sigv4 signs for: glue, s3tables, execute-api. (default: taken from the catalog or its address)
            """),
        .value(
            "catalog-signing-region", \.signingRegion, .text, "name",
            "The region that sigv4 signs for. (default: taken from the catalog or its address, else --s3-region)"),
    ]

    /// - Parameter region: the warehouse's region.
    /// - Throws: `UsageError` when a variable that the chosen way needs is missing or malformed.
    func authorization(
        _ environment: [String: String], region: String
    ) throws(UsageError) -> RESTSettings.Authorization {
        let token = environment[Self.token].flatMap { $0.isEmpty ? nil : $0 }
        let credential = environment[Self.credential].flatMap { $0.isEmpty ? nil : $0 }
        switch auth ?? (token != nil ? .bearer : credential != nil ? .oauth2 : .none) {
        case .none: return .none
        case .bearer:
            guard let token else { throw UsageError("--catalog-auth bearer needs the variable \(Self.token)") }
            return .bearer(token)
        case .oauth2:
            guard let credential else {
                throw UsageError("--catalog-auth oauth2 needs the variable \(Self.credential), which is ID:SECRET")
            }
            return try oauth(credential)
        case .sigv4:
            return .signature(
                RESTSigning(
                    credentials: .standard(environment: environment), service: signingName, region: signingRegion,
                    defaultRegion: region))
        }
    }

    private func oauth(_ credential: String) throws(UsageError) -> RESTSettings.Authorization {
        let id = credential.prefix { $0 != ":" }
        let secret = credential.dropFirst(id.count + 1)
        guard !id.isEmpty, !secret.isEmpty else {
            throw UsageError("the variable \(Self.credential) must be ID:SECRET")
        }
        return .clientCredentials(id: String(id), secret: String(secret), scope: scope, server: oauthServer)
    }
}
