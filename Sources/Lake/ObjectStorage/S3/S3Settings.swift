// How to reach a bucket, and how long to try.

/// Settings of an S3 store. The defaults are for AWS.
package struct S3Settings: Sendable {
    /// `http(s)://host[:port][/path]`; nil for AWS's own in the region.
    package var endpoint: String?
    /// The region that signatures name.
    package var region: String
    /// `endpoint/bucket/key` instead of `bucket.endpoint/key`. Taken in any case for hosts and buckets that cannot be
    /// put together to a host name: addresses, `localhost`, bucket names with upper case, underscores or (over https)
    /// dots.
    package var pathStyle: Bool
    /// Who signs.
    package var credentials: CredentialsSource
    /// The longest a call may take over all its attempts and pauses, transfer time of large objects apart.
    package var callTimeout: Duration
    /// Added to `callTimeout` for a body: its bytes over this rate.
    package var slowestBytesPerSecond: Int64
    /// The longest a connection may take to be made.
    package var connectTimeout: Duration
    /// An attempt with no byte flowing for this long is aborted and retried.
    package var stallTimeout: Duration
    /// Number and spacing of attempts.
    package var retry: RetryPolicy
    /// Unconditional puts above this many bytes go in parts. Conditional ones always go in one request of at most 5 GiB,
    /// since not every server honours a condition on the request that joins the parts.
    package var multipartThreshold: Int64
    /// Bytes of a part; made larger where 10,000 parts would not do. S3 wants at least 5 MiB.
    package var partBytes: Int64
    /// Parts sent at the same time.
    package var parallelParts: Int
    /// The most that `get` reads into memory.
    package var maximumBytesInMemory: Int64

    /// Settings for AWS, or for the server at `endpoint`.
    package init(
        endpoint: String? = nil, region: String = "us-east-1", pathStyle: Bool = false, credentials: CredentialsSource
    ) {
        self.endpoint = endpoint
        self.region = region
        self.pathStyle = pathStyle
        self.credentials = credentials
        callTimeout = .seconds(60)
        slowestBytesPerSecond = 1 << 20
        connectTimeout = .seconds(5)
        stallTimeout = .seconds(15)
        retry = RetryPolicy()
        multipartThreshold = 16 << 20
        partBytes = 16 << 20
        parallelParts = 4
        maximumBytesInMemory = 1 << 30
    }
}

/// Time and chance, so that tests can hold them still.
package struct Timing: Sendable {
    /// Seconds since the Unix epoch, for signatures.
    package var wallClock: @Sendable () -> Int64
    /// Time that never goes back, from any origin.
    package var uptime: @Sendable () -> Duration
    /// Waits; returns early when the task is cancelled.
    package var sleep: @Sendable (Duration) async -> Void
    /// A number in 0 ..< 1.
    package var random: @Sendable () -> Double

    /// Time and chance from these functions.
    package init(
        wallClock: @escaping @Sendable () -> Int64, uptime: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async -> Void, random: @escaping @Sendable () -> Double
    ) {
        self.wallClock = wallClock
        self.uptime = uptime
        self.sleep = sleep
        self.random = random
    }

    /// The machine's.
    package static let system: Timing = {
        let start = ContinuousClock.now
        return Timing(
            wallClock: { SystemClock.secondsSinceEpoch() }, uptime: { start.duration(to: .now) },
            sleep: { try? await Task.sleep(for: $0) }, random: { Double.random(in: 0..<1) })
    }()
}
