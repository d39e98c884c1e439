// The address of a bucket's requests: scheme, host and path, in path style or virtual-hosted style
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html). Pure.

struct S3Endpoint: Equatable {
    private let scheme: String
    /// The Host header: the host, with the port unless it is the scheme's default.
    let host: String
    /// The bucket's path, encoded, without a trailing slash.
    private let bucketPath: String

    init(_ settings: S3Settings, bucket: String) throws(ObjectStorageError) {
        let text = settings.endpoint ?? "https://s3.\(settings.region).amazonaws.com"
        guard let parts = Self.parse(text) else {
            throw ObjectStorageError(
                kind: .invalid, operation: "open", object: "s3://\(bucket)",
                detail: "the S3 endpoint must look like https://host:port")
        }
        scheme = parts.scheme
        let isPathStyle = settings.pathStyle || !Self.canPrefix(bucket, parts)
        host = (isPathStyle ? "" : "\(bucket).") + parts.host + parts.port
        let encoded = PercentEncoding.encode(bucket, keepingSlashes: false)
        bucketPath = parts.path + (isPathStyle ? "/\(encoded)" : "")
    }

    /// The path of a key (nil: of the bucket), encoded as sent and signed.
    func path(_ key: String?) -> String {
        guard let key else { return bucketPath.isEmpty ? "/" : bucketPath }
        return bucketPath + "/" + PercentEncoding.encode(key, keepingSlashes: true)
    }

    /// The URL for a path and an encoded query.
    func url(path: String, query: String) -> String {
        "\(scheme)://\(host)\(path)" + (query.isEmpty ? "" : "?\(query)")
    }

    private struct Parts {
        var scheme: String
        var host: String
        var port: String
        var path: String
    }

    private static func parse(_ text: String) -> Parts? {
        for (scheme, standardPort) in [("https", ":443"), ("http", ":80")] where text.hasPrefix("\(scheme)://") {
            let rest = text.dropFirst(scheme.count + 3)
            let authority = rest.prefix { $0 != "/" }
            var path = rest[authority.endIndex...]
            while path.hasSuffix("/") { path.removeLast() }
            let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && !text.contains { "@?#".contains($0) }
            // The last colon starts the port, unless it is inside the brackets of an IPv6 address.
            let colon = authority.lastIndex(of: ":").flatMap { authority[$0...].contains("]") ? nil : $0 }
            let host = authority[..<(colon ?? authority.endIndex)]
            let port = String(authority[(colon ?? authority.endIndex)...])
            let isPort = port.isEmpty || (UInt16(port.dropFirst()) ?? 0) > 0
            guard isPlain, !host.isEmpty, isPort else { return nil }
            return Parts(
                scheme: scheme, host: host.lowercased(), port: port == standardPort ? "" : port, path: String(path))
        }
        return nil
    }

    private static func canPrefix(_ bucket: String, _ parts: Parts) -> Bool {
        let isAddress =
            parts.host.hasPrefix("[") || parts.host.utf8.allSatisfy { $0 == 0x2E || (0x30...0x39).contains($0) }
        if isAddress || parts.host == "localhost" { return false }
        if parts.scheme == "https", bucket.contains(".") { return false }  // a wildcard certificate covers one label
        return bucket.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D || $0 == 0x2E
        }
    }
}
