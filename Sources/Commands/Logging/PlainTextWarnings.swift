// Says which credentials would go over a connection that others can read.
// Pure: options and environment in, lines out. No secret is part of a line.

import Dashboard
import Foundation
import Iceberg

extension ExportAssembly {
    /// Lines for a catalog or token server that gets a secret by plain http, and for an S3 server that gets a session token
    /// so. Signatures by AWS keys do not hold the keys.
    var plainTextWarnings: [String] {
        var warnings: [String] = []
        let access = options.catalogAccess
        // What is missing is told where the catalog is opened.
        guard let authorization = try? access.authorization(environment, region: options.s3Region) else { return [] }
        switch authorization {
        case .bearer:
            if let catalog = options.catalog {
                warnings += Self.warning("the token of \(CatalogAccess.token)", catalog)
            }
        case .clientCredentials(_, _, _, let server):
            if let server = server ?? options.catalog {
                warnings += Self.warning("the credential of \(CatalogAccess.credential)", server)
            }
        case .none, .signature: break
        }
        if let endpoint = options.s3Endpoint, environment["AWS_SESSION_TOKEN"]?.isEmpty == false {
            warnings += Self.warning("the token of AWS_SESSION_TOKEN", endpoint)
        }
        return warnings
    }

    private static func warning(_ secret: String, _ address: String) -> [String] {
        guard let place = URLComponents(string: address), place.scheme?.lowercased() == "http", let host = place.host,
            !ListenAddress(host: host.trimmingCharacters(in: ["[", "]"]), port: 80).isLoopback
        else { return [] }
        return ["\(secret) goes to \(address.withoutCredentials) over plain http, where others can read it; use https"]
    }
}

extension BrokerOptions {
    /// A line for a password or token that goes to the brokers in the clear; nil where none does.
    var plainTextWarning: String? {
        var settings: [String: String] = [:]
        for setting in kafkaConfig { settings[setting.key] = setting.value.lowercased() }
        guard settings["security.protocol"] == "sasl_plaintext" else { return nil }
        let mechanism = (settings["sasl.mechanism"] ?? settings["sasl.mechanisms"] ?? "gssapi").uppercased()
        guard ["PLAIN", "OAUTHBEARER"].contains(mechanism) else { return nil }
        let hosts = bootstrapServers.split(separator: ",").map { $0.prefix(upTo: $0.lastIndex(of: ":") ?? $0.endIndex) }
        guard !hosts.allSatisfy({ ListenAddress(host: String($0), port: 9092).isLoopback }) else { return nil }
        let secret = mechanism == "PLAIN" ? "the password" : "the token"
        return "\(secret) of \(mechanism) goes to Kafka at \(bootstrapServers) without TLS, where others can read it; "
            + "use security.protocol=sasl_ssl"
    }
}
