// Signs requests to a REST catalog of AWS. The service and the region come from the user's settings, else from the
// catalog's configuration, else from the address.
package import ObjectStorage

/// Settings for signing a catalog's requests with AWS Signature Version 4.
package struct RESTSigning: Sendable {
    /// The credentials, loaded for each request.
    package var credentials: CredentialsSource
    /// The service's name in signatures; nil: `rest.signing-name` in the catalog's configuration, else from the
    /// address, else `execute-api`.
    package var service: String?
    /// The region in signatures; nil: `rest.signing-region` in the catalog's configuration, else from the address, else
    /// `defaultRegion`.
    package var region: String?
    /// The region when no other source names one.
    package var defaultRegion: String
    /// The clock, in seconds since the Unix epoch.
    package var now: @Sendable () -> Int64

    /// Signing with these credentials.
    package init(
        credentials: CredentialsSource, service: String? = nil, region: String? = nil,
        defaultRegion: String = "us-east-1", now: @escaping @Sendable () -> Int64 = RequestSigner.systemTime
    ) {
        (self.credentials, self.service, self.region) = (credentials, service, region)
        (self.defaultRegion, self.now) = (defaultRegion, now)
    }

    /// The signer for a catalog.
    /// - Parameter properties: the catalog's configuration; empty before it is read.
    func signer(address: String, properties: [String: String]) -> RequestSigner {
        let named = Self.named(by: WebOrigin(address)?.host ?? "")
        return RequestSigner(
            credentials: credentials,
            service: service ?? properties["rest.signing-name"] ?? named?.service ?? "execute-api",
            region: region ?? properties["rest.signing-region"] ?? named?.region ?? defaultRegion, now: now)
    }

    /// The service and the region in an AWS host name, such as `glue.eu-central-1.amazonaws.com`.
    private static func named(by host: String) -> (service: String, region: String)? {
        let labels = host.split(separator: ".")
        guard let end = labels.lastIndex(of: "amazonaws"), end >= 2 else { return nil }
        let service = String(labels[end - 2])
        guard ["glue", "s3tables", "execute-api"].contains(service) else { return nil }
        return (service, String(labels[end - 1]))
    }
}

/// The origin of an address: scheme, host and port.
struct WebOrigin: Equatable, CustomStringConvertible {
    let scheme, host: String
    let port: Int

    /// The origin of an http or https address; nil for any other.
    init?(_ address: String) {
        guard let end = address.firstRange(of: "://") else { return nil }
        scheme = address[..<end.lowerBound].lowercased()
        guard let ownPort = ["http": 80, "https": 443][scheme] else { return nil }
        let authority = address[end.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let place = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        // The colons of an IPv6 address are in brackets.
        let colon = place.lastIndex(of: ":").flatMap { place[$0...].contains("]") ? nil : $0 }
        host = place[..<(colon ?? place.endIndex)].lowercased()
        let number = colon.map { place[place.index(after: $0)...] } ?? ""
        guard !host.isEmpty, let port = number.isEmpty ? ownPort : Int(number) else { return nil }
        self.port = port
    }

    var description: String { "\(scheme)://\(host):\(port)" }
}
