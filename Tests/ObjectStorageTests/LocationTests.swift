import HTTP
import Testing

@testable import ObjectStorage

@Suite
struct LocationTests {
    @Test(arguments: [
        ("file:///a/b", Location.Store.local, "a/b", "file:///a/b"), ("file:/a/b/", .local, "a/b", "file:///a/b"),
        ("/a b/c", .local, "a b/c", "file:///a b/c"), ("file:///", .local, "", "file:///"),
        ("file://localhost/a", .local, "a", "file:///a"),
        ("s3://bucket/a/b", .s3(bucket: "bucket"), "a/b", "s3://bucket/a/b"),
        ("s3://bucket", .s3(bucket: "bucket"), "", "s3://bucket"),
        ("s3a://b.u_C-1/x%20y?z#w", .s3(bucket: "b.u_C-1"), "x%20y?z#w", "s3://b.u_C-1/x%20y?z#w"),
    ])
    func `locations are read byte for byte`(text: String, store: Location.Store, key: String, again: String) throws {
        let location = try Location(text)
        #expect(location.store == store)
        #expect(location.key == key)
        #expect(location.description == again)
        #expect(try Location(location.description) == location)
    }

    @Test(arguments: [
        "", "a/b", "http://x/y", "file:a", "s3:/b/k", "s3://", "s3:///k", "s3://b ucket/k", "s3://user@b/k",
        "file:///a/../b",
        "file:///a//b", "/./a", "file:///a\u{0}b",
    ])
    func `what is no location is refused`(text: String) {
        #expect { try Location(text) } throws: { ($0 as? ObjectStorageError)?.kind == .invalid }
    }

    @Test func `a root maps locations to keys and refuses those outside`() throws {
        let opener = StorageOpener(
            settings: S3Settings(credentials: .fixed(Credentials(accessKeyID: "a", secretAccessKey: "b"))),
            client: try HTTPClient())
        let local = try opener.open("file:///warehouse/ns")
        #expect(try local.key(forLocation: "file:/warehouse/ns/t/a.parquet") == "t/a.parquet")
        #expect(local.location(ofKey: "t/a.parquet") == "file:///warehouse/ns/t/a.parquet")
        #expect(local.prefix.isEmpty)
        let s3 = try opener.open("s3://lake/wh")
        #expect(s3.key("t/a") == "wh/t/a")
        #expect(try s3.key(forLocation: "s3a://lake/other/a") == "other/a")
        #expect(s3.location(ofKey: "wh/t/a") == "s3://lake/wh/t/a")
        let outside = [
            (local, "file:///warehouse/nsx/a"), (local, "file:///warehouse/ns"), (local, "s3://lake/a"),
            (s3, "s3://pond/a"), (s3, "file:///lake/wh"), (local, "file:///warehouse/ns/../x"),
        ]
        for (root, text) in outside {
            #expect { try root.key(forLocation: text) } throws: { ($0 as? ObjectStorageError)?.kind == .invalid }
        }
    }

    @Test func `two spellings of a character are two locations`() throws {
        #expect(try Location("file:///\u{e9}") != Location("file:///e\u{301}"))
    }

    @Test func `stores of one bucket are shared`() throws {
        let opener = StorageOpener(
            settings: S3Settings(credentials: .fixed(Credentials(accessKeyID: "a", secretAccessKey: "b"))),
            client: try HTTPClient())
        let one = try #require(try opener.open("s3://lake/a").store as? S3Store)
        let other = try #require(try opener.open("s3://lake/b").store as? S3Store)
        #expect(one === other)
    }
}

@Suite
struct EndpointTests {
    private func url(_ endpoint: String?, bucket: String = "lake", pathStyle: Bool = false) throws -> String {
        let settings = S3Settings(
            endpoint: endpoint, region: "eu-west-1", pathStyle: pathStyle,
            credentials: .fixed(Credentials(accessKeyID: "a", secretAccessKey: "b")))
        let endpoint = try S3Endpoint(settings, bucket: bucket)
        return endpoint.url(path: endpoint.path("a b/c"), query: "")
    }

    @Test func `virtual-hosted and path style, and where only the second can work`() throws {
        #expect(try url(nil) == "https://lake.s3.eu-west-1.amazonaws.com/a%20b/c")
        #expect(try url(nil, pathStyle: true) == "https://s3.eu-west-1.amazonaws.com/lake/a%20b/c")
        #expect(try url("http://minio:9000") == "http://lake.minio:9000/a%20b/c")
        #expect(try url("http://minio:9000/base/", pathStyle: true) == "http://minio:9000/base/lake/a%20b/c")
        #expect(try url("https://host:443") == "https://lake.host/a%20b/c")
        #expect(try url("http://127.0.0.1:8333") == "http://127.0.0.1:8333/lake/a%20b/c")
        #expect(try url("http://[::1]:8333") == "http://[::1]:8333/lake/a%20b/c")
        #expect(try url("http://localhost:8333") == "http://localhost:8333/lake/a%20b/c")
        #expect(try url(nil, bucket: "my.lake") == "https://s3.eu-west-1.amazonaws.com/my.lake/a%20b/c")
        #expect(try url(nil, bucket: "My_lake") == "https://s3.eu-west-1.amazonaws.com/My_lake/a%20b/c")
    }

    @Test(arguments: [
        "minio:9000", "ftp://x", "http://", "http://user:pw@host", "http://host:port", "http://host:0", "http://ho st",
        "http://host?x=1",
    ])
    func `malformed endpoints are refused`(endpoint: String) {
        #expect { try url(endpoint) } throws: { ($0 as? ObjectStorageError)?.kind == .invalid }
    }
}

@Suite
struct PlanTests {
    @Test func `parts cover the object without gap, at most 10,000 of them`() {
        let sizes: [Int64] = [1, 16 << 20, (16 << 20) + 1, 1 << 30, 156 << 30, 5 << 40]
        for size in sizes {
            let plan = PartPlan(size: size, preferred: 16 << 20)
            #expect(plan.count <= 10_000)
            #expect(plan.partBytes >= 16 << 20)
            #expect(plan.range(1).lowerBound == 0)
            #expect(plan.range(plan.count).upperBound == size)
            for number in 1..<min(plan.count, 50) {
                #expect(plan.range(number).upperBound == plan.range(number + 1).lowerBound)
            }
        }
    }

    @Test func `pauses double up to the longest, with jitter, and end before the deadline`() {
        let policy = RetryPolicy(maximumAttempts: 100, firstPause: .milliseconds(100), longestPause: .seconds(2))
        func pause(_ attempt: Int, _ random: Double = 1, after: Duration? = nil, left: Duration = .seconds(60))
            -> Duration?
        {
            policy.pause(after: attempt, random: random, retryAfter: after, remaining: left)
        }
        #expect(pause(1) == .milliseconds(100))
        #expect(pause(3) == .milliseconds(400))
        #expect(pause(3, 0.5) == .milliseconds(200))
        #expect(pause(50) == .seconds(2))
        #expect(pause(1, after: .seconds(5)) == .seconds(5))
        #expect(pause(1, after: .seconds(5), left: .seconds(5)) == nil)
        #expect(pause(100) == nil)
    }
}
