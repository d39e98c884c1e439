// Credentials that others could read on their way.

import Testing

@testable import Arguments
@testable import Commands

@Suite struct PlainTextTests {
    private static let token = ["PAGEVIEWS_CATALOG_TOKEN": "very-secret"]
    private static let credential = ["PAGEVIEWS_CATALOG_CREDENTIAL": "id:very-secret"]
    private static let session = ["AWS_SESSION_TOKEN": "very-secret"]

    private func warnings(
        _ environment: [String: String], catalog: String? = nil, server: String? = nil, s3: String? = nil
    ) -> [String] {
        var options = ExportOptions()
        (options.catalog, options.s3Endpoint, options.catalogAccess.oauthServer) = (catalog, s3, server)
        let warnings = ExportAssembly(options: options, environment: environment).plainTextWarnings
        #expect(!warnings.joined().contains("very-secret"))
        return warnings
    }

    @Test func `a secret over plain http is told`() {
        #expect(warnings(Self.token, catalog: "http://catalog.example.com:8181/").count == 1)
        #expect(warnings(Self.token, catalog: "HTTP://10.0.0.7").count == 1)
        #expect(warnings(Self.credential, catalog: "http://catalog:8181").count == 1)
        #expect(warnings(Self.credential, catalog: "https://catalog", server: "http://tokens/t").count == 1)
        #expect(warnings(Self.session, s3: "http://minio:9000").count == 1)
    }

    @Test func `what nobody else can read is not`() {
        #expect(warnings(Self.token, catalog: "https://catalog.example.com").isEmpty)
        #expect(warnings(Self.token, catalog: "http://127.0.0.1:8181").isEmpty)
        #expect(warnings(Self.token, catalog: "http://[::1]:8181").isEmpty)
        #expect(warnings(Self.credential, catalog: "http://catalog", server: "https://tokens/t").isEmpty)
        #expect(warnings(["AWS_SECRET_ACCESS_KEY": "very-secret"], s3: "http://minio:9000").isEmpty)
        #expect(warnings([:], catalog: "http://catalog:8181").isEmpty)
    }

    @Test(
        arguments: [
            (["security.protocol=sasl_plaintext", "sasl.mechanism=PLAIN"], "kafka:9092", true),
            (["security.protocol=SASL_PLAINTEXT", "sasl.mechanisms=OAUTHBEARER"], "127.0.0.1:9092,kafka:9092", true),
            (["security.protocol=sasl_plaintext", "sasl.mechanism=SCRAM-SHA-256"], "kafka:9092", false),
            (["security.protocol=sasl_ssl", "sasl.mechanism=PLAIN"], "kafka:9092", false),
            (["security.protocol=sasl_plaintext", "sasl.mechanism=PLAIN"], "localhost:9092", false),
            ([], "kafka:9092", false),
        ] as [([String], String, Bool)])
    func `a password to brokers without TLS is told`(_ settings: [String], _ servers: String, _ expected: Bool) {
        var options = BrokerOptions()
        options.bootstrapServers = servers
        options.kafkaConfig = settings.compactMap { KafkaSetting($0) }
        #expect((options.plainTextWarning != nil) == expected)
    }
}
