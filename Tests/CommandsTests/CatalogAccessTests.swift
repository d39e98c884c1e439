// With whose credentials a catalog is asked.

import Iceberg
import Testing

@testable import Arguments
@testable import Commands

@Suite("Catalog access")
struct CatalogAccessTests {
    private static let aws = ["AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"]
    private static let token = ["PAGEVIEWS_CATALOG_TOKEN": "t"]
    private static let credential = ["PAGEVIEWS_CATALOG_CREDENTIAL": "id:s:with:colons"]

    @Test(
        "by what there is, and by --catalog-auth",
        arguments: [
            (nil, aws, "none"), (nil, token, "bearer token"), (nil, credential, "client id"),
            (nil, token.merging(credential) { $1 }, "bearer token"),
            (.oauth2, token.merging(credential) { $1 }, "client id"),
            (CatalogAuth.none, token, "none"), (.sigv4, aws, "signatures"),
            (nil, ["PAGEVIEWS_CATALOG_TOKEN": "", "PAGEVIEWS_CATALOG_CREDENTIAL": ""], "none"),
        ] as [(CatalogAuth?, [String: String], String)])
    func ways(auth: CatalogAuth?, environment: [String: String], expected: String) throws {
        var access = CatalogAccess()
        access.auth = auth
        #expect(try "\(access.authorization(environment, region: "eu-west-1"))" == expected)
    }

    @Test("a secret may hold colons; scope and server are the user's")
    func credentialParts() throws {
        var access = CatalogAccess()
        (access.scope, access.oauthServer) = ("all", "https://tokens.example.com/t")
        guard
            case .clientCredentials(let id, let secret, let scope, let server) =
                try access.authorization(Self.credential, region: "")
        else {
            Issue.record("no client credentials")
            return
        }
        #expect([id, secret, scope, server] == ["id", "s:with:colons", "all", "https://tokens.example.com/t"])
    }

    @Test(
        "what the way needs has to be there",
        arguments: [
            (.bearer, credential), (.oauth2, token), (.oauth2, ["PAGEVIEWS_CATALOG_CREDENTIAL": "alone"]),
            (nil, ["PAGEVIEWS_CATALOG_CREDENTIAL": ":secret"]),
        ] as [(CatalogAuth?, [String: String])])
    func missing(auth: CatalogAuth?, environment: [String: String]) {
        var access = CatalogAccess()
        access.auth = auth
        #expect(throws: UsageError.self) { try access.authorization(environment, region: "") }
    }
}
