import Testing

@testable import ObjectStorage

@Suite
struct CredentialsTests {
    private let file = """
        # a comment
        [default]
        aws_access_key_id = AKID1
        aws_secret_access_key=secret1=with/equals

        [other]\r
        AWS_ACCESS_KEY_ID = AKID2\r
        aws_secret_access_key = secret2\r
        aws_session_token = token2\r
        [half]
        aws_access_key_id = AKID3
        """

    @Test func `the environment comes first, with its token`() throws {
        let source = CredentialsSource.standard(environment: [
            "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c", "AWS_PROFILE": "other",
        ])
        #expect(try source.load() == Credentials(accessKeyID: "a", secretAccessKey: "b", sessionToken: "c"))
    }

    @Test func `without keys in the environment the profile of the shared file is taken`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("credentials", Array(file.utf8))
        let environment = ["AWS_SHARED_CREDENTIALS_FILE": path]
        let first = try CredentialsSource.standard(environment: environment).load()
        #expect(first == Credentials(accessKeyID: "AKID1", secretAccessKey: "secret1=with/equals"))
        let other = try CredentialsSource.standard(
            environment: environment.merging(["AWS_PROFILE": "other"]) { $1 }
        ).load()
        #expect(other == Credentials(accessKeyID: "AKID2", secretAccessKey: "secret2", sessionToken: "token2"))
    }

    @Test func `the file is read anew at each call`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("credentials", Array(file.utf8))
        let source = CredentialsSource.standard(environment: ["AWS_SHARED_CREDENTIALS_FILE": path])
        _ = try source.load()
        _ = try folder.write("credentials", Array("[default]\naws_access_key_id=new\naws_secret_access_key=n\n".utf8))
        #expect(try source.load().accessKeyID == "new")
    }

    @Test func `what is missing is said, without secrets`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("credentials", Array(file.utf8))
        let wrong: [([String: String], String)] = [
            (["AWS_ACCESS_KEY_ID": "a"], "AWS_SECRET_ACCESS_KEY"), (["HOME": "/no/such"], "/no/such/.aws/credentials"),
            (["AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "none"], "none"),
            (["AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "half"], "half"),
        ]
        for (environment, named) in wrong {
            do {
                _ = try CredentialsSource.standard(environment: environment).load()
                Issue.record("accepted \(environment)")
            } catch {
                #expect(error.kind == .badCredentials)
                #expect(error.description.contains(named))
                #expect(!error.description.contains("secret1"))
            }
        }
    }

    @Test func `printing credentials shows no secret`() {
        let credentials = Credentials(accessKeyID: "AKID", secretAccessKey: "hush", sessionToken: "hush2")
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped, "\(Optional(credentials) as Any)"] {
            #expect(!text.contains("hush"))
        }
    }
}
