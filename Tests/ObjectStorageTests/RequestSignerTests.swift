import Foundation
import HTTP
import Testing

@testable import ObjectStorage

/// Signatures of requests to catalogs.
@Suite
struct RequestSignerTests {
    struct Golden: Decodable {
        var service, region, method, url, body, authorization: String
        var headers: [[String]]
        var token: String?
        var time: Int64
    }

    private static let keys = Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

    @Test func `every signature equals botocore's`() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/catalog-sigv4.json")
        let cases = try JSONDecoder().decode([Golden].self, from: Data(contentsOf: file))
        #expect(cases.count == 40)
        for golden in cases {
            var keys = Self.keys
            keys.sessionToken = golden.token
            let signer = RequestSigner(
                credentials: .fixed(keys), service: golden.service, region: golden.region, now: { golden.time })
            let signed = try signer.signed(
                HTTPRequest(
                    method: golden.method, url: golden.url, headers: golden.headers.map { HTTPHeader($0[0], $0[1]) },
                    body: golden.body.isEmpty ? .none : .bytes(Array(golden.body.utf8))))
            #expect(signed.url == golden.url)
            let headers = HTTPHeaders(signed.headers)
            #expect(headers["Authorization"] == golden.authorization, "\(golden.url)")
            #expect(headers["x-amz-security-token"] == golden.token)
            #expect(!"\(signed)".contains(keys.secretAccessKey))
        }
    }

    @Test(arguments: [
        ("https://a.example.com:443/v1", "a.example.com"), ("http://a.example.com:80/v1", "a.example.com"),
        ("https://a.example.com:80/v1", "a.example.com:80"), ("http://user:word@127.0.0.1:8181?x=1", "127.0.0.1:8181"),
    ])
    func `the host is signed as it is sent`(url: String, host: String) throws {
        let signer = RequestSigner(credentials: .fixed(Self.keys), service: "glue", region: "eu-west-1", now: { 0 })
        #expect(HTTPHeaders(try signer.signed(HTTPRequest(url: url)).headers)["Host"] == host)
    }

    @Test func `missing keys are said to be missing`() throws {
        let none = CredentialsSource.standard(environment: ["HOME": "/no/such"])
        let signer = RequestSigner(credentials: none, service: "glue", region: "eu-west-1")
        #expect { try signer.signed(HTTPRequest(url: "https://a.example.com/")) } throws: { error in
            (error as? ObjectStorageError)?.kind == .badCredentials
        }
    }
}
