// Warns about credentials that would travel over an unencrypted connection.
// A pure function from options and environment to lines. A line names the secret's variable, never its value.

import Dashboard
import Foundation
import Iceberg

extension ExportAssembly {
    /// One line for each secret that goes over plain http: a catalog's token or credential, and an S3 session token.
    /// AWS access keys only sign requests, so they need no warning.
    var plainTextWarnings: [String] {
        var warnings: [String] = []
        let access = options.catalogAccess
        // Opening the catalog reports missing credentials.
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
    /// A line when a password or token would go to the brokers unencrypted, else nil.
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
