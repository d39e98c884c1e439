import Crypto
import Foundation
import HTTP
import Testing

@testable import ObjectStorage

@Suite
struct TextFormTests {
    @Test func `Base64 equals Foundation's`() {
        for length in 0..<50 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 41 &+ 3) }
            #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
        }
    }
}

/// AWS's published examples: the SigV4 test suite (service "service") and the S3 documentation.
@Suite
struct PublishedSignatureTests {
    typealias Pairs = [(name: String, value: String)]
    private let suite = Credentials(
        accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    private let s3 = Credentials(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    private let suiteScope = SigningScope(region: "us-east-1", service: "service", time: 1_440_938_160)
    private let s3Scope = SigningScope(region: "us-east-1", service: "s3", time: 1_369_353_600)

    private func suiteSignature(_ method: String, query: Pairs = [], path: String = "/") throws -> Substring? {
        let headers: Pairs = [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")]
        let request = SignableRequest(
            method: method, path: path, query: query, headers: headers, payloadHash: SigV4.emptyHash)
        return try SigV4.authorization(request, suite, suiteScope).split(separator: "Signature=").last
    }

    private func s3Authorization(
        _ method: String, _ path: String, query: Pairs = [], headers: Pairs = [], hash: String = SigV4.emptyHash
    ) throws -> String {
        let always: Pairs = [
            ("Host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", hash),
            ("x-amz-date", "20130524T000000Z"),
        ]
        let request = SignableRequest(
            method: method, path: path, query: query, headers: always + headers, payloadHash: hash)
        return try SigV4.authorization(request, s3, s3Scope)
    }

    @Test func `the suite's plain GET and POST`() throws {
        #expect(try suiteSignature("GET") == "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
        #expect(try suiteSignature("POST") == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")
    }

    @Test func `the suite's query out of order`() throws {
        let query: Pairs = [("Param2", "value2"), ("Param1", "value1")]
        #expect(
            try suiteSignature("GET", query: query)
                == "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")
    }

    @Test func `S3's GET of a range`() throws {
        #expect(
            try s3Authorization("GET", "/test.txt", headers: [("Range", "bytes=0-9")])
                == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
                + "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    }

    @Test func `S3's PUT of an object with a dollar sign in its key`() throws {
        let authorization = try s3Authorization(
            "PUT", "/" + PercentEncoding.encode("test$file.text", keepingSlashes: true),
            headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            hash: Hex.encode(try SHA256.hash(Array("Welcome to Amazon S3.".utf8))))
        #expect(authorization.hasSuffix("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"))
    }

    @Test func `S3's query with a name alone, and with values`() throws {
        #expect(
            try s3Authorization("GET", "/", query: [("lifecycle", "")])
                .hasSuffix("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"))
        #expect(
            try s3Authorization("GET", "/", query: [("prefix", "J"), ("max-keys", "2")])
                .hasSuffix("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"))
    }
}

/// Forty requests with odd keys, queries, headers and times, signed by botocore.
@Suite
struct GoldenSignatureTests {
    struct Golden: Decodable {
        var bucket, region, key, body, path, date, authorization: String
        var query, headers: [[String]]
        var token: String?
        var time: Int64
    }

    @Test func `every signature equals botocore's`() throws {
        let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/sigv4.json")
        let cases = try JSONDecoder().decode([Golden].self, from: Data(contentsOf: url))
        #expect(cases.count == 40)
        for golden in cases {
            let credentials = Credentials(
                accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                sessionToken: golden.token)
            let settings = S3Settings(
                endpoint: "https://s3.example.com:9000", region: golden.region, credentials: .fixed(credentials))
            var request = S3Request(operation: "put", method: "PUT", key: golden.key)
            request.query = golden.query.map { ($0[0], $0[1]) }
            request.headers = golden.headers.map { ($0[0], $0[1]) }
            request.payloadHash = Hex.encode(try SHA256.hash(Array(golden.body.utf8)))
            let signed = try request.signed(
                try S3Endpoint(settings, bucket: golden.bucket), settings, credentials, time: golden.time,
                timeout: .seconds(1))
            #expect(signed.url.hasPrefix("https://\(golden.bucket).s3.example.com:9000\(golden.path)"))
            #expect(HTTPHeaders(signed.headers)["x-amz-date"] == golden.date)
            #expect(
                HTTPHeaders(signed.headers)["Authorization"] == golden.authorization,
                "key \(golden.key.debugDescription)")
        }
    }
}
