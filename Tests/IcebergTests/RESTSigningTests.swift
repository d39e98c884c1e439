// For which service and region requests to a catalog are signed, and which addresses are the same server.
import HTTP
import ObjectStorage
import Testing

@testable import Iceberg

@Suite struct RESTSigningTests {
    private static let keys = Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret")

    private func scope(_ signing: RESTSigning, _ address: String, _ properties: [String: String]) throws -> String {
        let request = try signing.signer(address: address, properties: properties).signed(HTTPRequest(url: address))
        let header = try #require(HTTPHeaders(request.headers)["Authorization"])
        return try String(#require(header.firstMatch(of: /Credential=AKIDEXAMPLE\/19700101\/([^,]+)\/aws4_request/)).1)
    }

    @Test(
        arguments: [
            ("https://glue.eu-central-1.amazonaws.com/iceberg", [:], "eu-central-1/glue"),
            ("https://s3tables.us-west-2.amazonaws.com/iceberg", [:], "us-west-2/s3tables"),
            ("https://abc.execute-api.eu-west-3.amazonaws.com", [:], "eu-west-3/execute-api"),
            ("https://glue.cn-north-1.amazonaws.com.cn/iceberg", [:], "cn-north-1/glue"),
            ("https://catalog.example.com", [:], "eu-north-1/execute-api"),
            ("http://amazonaws.com", [:], "eu-north-1/execute-api"),
            (
                "https://glue.eu-central-1.amazonaws.com",
                ["rest.signing-name": "s3tables", "rest.signing-region": "sa-east-1"], "sa-east-1/s3tables"
            ),
        ] as [(String, [String: String], String)])
    func `service and region are the catalog's, else the address's, else the default`(
        address: String, properties: [String: String], expected: String
    ) throws {
        let signing = RESTSigning(credentials: .fixed(Self.keys), defaultRegion: "eu-north-1", now: { 0 })
        #expect(try scope(signing, address, properties) == expected)
    }

    @Test func `what the user said wins`() throws {
        let signing = RESTSigning(credentials: .fixed(Self.keys), service: "mine", region: "here", now: { 0 })
        let properties = ["rest.signing-name": "glue", "rest.signing-region": "there"]
        #expect(try scope(signing, "https://glue.eu-central-1.amazonaws.com", properties) == "here/mine")
    }

    @Test(arguments: [
        ("https://a.example.com", "https://A.example.com:443/x", true), ("http://a:80", "http://a", true),
        ("http://[::1]:8181/v1", "http://[::1]:8181", true), ("https://a", "http://a", false),
        ("https://a", "https://a:8443", false), ("https://a", "https://b", false), ("https://a", "https://a@b", false),
        ("https://a", "https://b#@a", false), ("https://a", "https://b?@a", false), ("https://a", "ftp://a", false),
        ("https://a", "a", false), ("http://[::1]", "http://[::1]:81", false),
    ])
    func `a server is scheme, host and port`(one: String, other: String, same: Bool) throws {
        let origin = try #require(WebOrigin(one))
        #expect((WebOrigin(other) == origin) == same)
    }

    @Test func `addresses are shown without what is nobody's business`() {
        #expect(RESTPath.shown("http://user:word@h:1/x?token=y") == "http://h:1/x")
        #expect(RESTPath.shown("http://h/a@b") == "http://h/a@b")
        #expect(RESTSettings(address: "https://u:p@h/c/").shownAddress == "https://h/c")
    }
}
