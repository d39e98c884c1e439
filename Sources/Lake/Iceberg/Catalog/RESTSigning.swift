// Signing requests to a REST catalog of AWS, for which service and region have to be found out.
// Invariant: what the user said wins, then what the catalog's configuration says, then what the address says.
package import ObjectStorage

/// How requests to a catalog are signed (AWS signature version 4).
package struct RESTSigning: Sendable {
    /// Asked for each request.
    package var credentials: CredentialsSource
    /// The service's name in signatures; nil: `rest.signing-name` of the catalog's configuration, else by the address,
    /// else `execute-api`.
    package var service: String?
    /// The service's region; nil: `rest.signing-region` of the catalog's configuration, else by the address, else
    /// `defaultRegion`.
    package var region: String?
    /// The region where nothing says another.
    package var defaultRegion: String
    /// Seconds since the Unix epoch.
    package var now: @Sendable () -> Int64

    /// Signing with these credentials.
    package init(
        credentials: CredentialsSource, service: String? = nil, region: String? = nil,
        defaultRegion: String = "us-east-1", now: @escaping @Sendable () -> Int64 = RequestSigner.systemTime
    ) {
        (self.credentials, self.service, self.region) = (credentials, service, region)
        (self.defaultRegion, self.now) = (defaultRegion, now)
    }

    /// - Parameter properties: the catalog's configuration, as far as it is known.
    func signer(address: String, properties: [String: String]) -> RequestSigner {
        let named = Self.named(by: WebOrigin(address)?.host ?? "")
        return RequestSigner(
            credentials: credentials,
            service: service ?? properties["rest.signing-name"] ?? named?.service ?? "execute-api",
            region: region ?? properties["rest.signing-region"] ?? named?.region ?? defaultRegion, now: now)
    }

    /// Service and region in a host name of AWS, such as `glue.eu-central-1.amazonaws.com`.
    private static func named(by host: String) -> (service: String, region: String)? {
        let labels = host.split(separator: ".")
        guard let end = labels.lastIndex(of: "amazonaws"), end >= 2 else { return nil }
        let service = String(labels[end - 2])
        guard ["glue", "s3tables", "execute-api"].contains(service) else { return nil }
        return (service, String(labels[end - 1]))
    }
}

/// Scheme, host and port of an address: whom a request is sent to.
struct WebOrigin: Equatable, CustomStringConvertible {
    let scheme, host: String
    let port: Int

    /// nil when the address is none of http or https.
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
