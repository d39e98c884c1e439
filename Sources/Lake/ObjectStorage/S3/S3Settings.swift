// The settings of an S3 store: its address, credentials, timeouts and limits.

/// Settings of an S3 store. The defaults suit AWS.
package struct S3Settings: Sendable {
    /// The endpoint, `http(s)://host[:port][/path]`; nil: AWS's endpoint of the region.
    package var endpoint: String?
    /// The region in signatures.
    package var region: String
    /// Use `endpoint/bucket/key` instead of `bucket.endpoint/key`. Always used where bucket and host do not form a host
    /// name: IP addresses, `localhost`, and bucket names with upper case, underscores or (over https) dots.
    package var pathStyle: Bool
    /// The credentials that sign requests.
    package var credentials: CredentialsSource
    /// Time limit of a call over all its attempts and pauses, without the transfer time of large objects.
    package var callTimeout: Duration
    /// Slowest accepted transfer: a body adds its size divided by this rate to `callTimeout`.
    package var slowestBytesPerSecond: Int64
    /// Time limit for establishing a connection.
    package var connectTimeout: Duration
    /// An attempt that transfers no byte for this long is aborted and retried.
    package var stallTimeout: Duration
    /// Number and spacing of attempts.
    package var retry: RetryPolicy
    /// Unconditional puts of more bytes than this are sent in parts. Conditional puts are always one request of at most
    /// 5 GiB, because not every server honours a condition on CompleteMultipartUpload.
    package var multipartThreshold: Int64
    /// Bytes per part, at least 5 MiB for S3; larger where the object would need more than 10,000 parts.
    package var partBytes: Int64
    /// Number of parts sent concurrently.
    package var parallelParts: Int
    /// Largest response of `get`, in bytes; a larger one throws `invalid`.
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

/// Clocks and randomness, which tests replace.
package struct Timing: Sendable {
    /// Seconds since the Unix epoch, for signatures.
    package var wallClock: @Sendable () -> Int64
    /// Monotonic time from an arbitrary origin.
    package var uptime: @Sendable () -> Duration
    /// Waits; returns early when the task is cancelled.
    package var sleep: @Sendable (Duration) async -> Void
    /// A number in 0 ..< 1.
    package var random: @Sendable () -> Double

    /// Clocks and randomness from these functions.
    package init(
        wallClock: @escaping @Sendable () -> Int64, uptime: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async -> Void, random: @escaping @Sendable () -> Double
    ) {
        self.wallClock = wallClock
        self.uptime = uptime
        self.sleep = sleep
        self.random = random
    }

    /// The system's clocks and random numbers.
    package static let system: Timing = {
        let start = ContinuousClock.now
        return Timing(
            wallClock: { SystemClock.secondsSinceEpoch() }, uptime: { start.duration(to: .now) },
            sleep: { try? await Task.sleep(for: $0) }, random: { Double.random(in: 0..<1) })
    }()
}
