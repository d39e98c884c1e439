// The version of the linked librdkafka, and a warning about features that old versions lack.
// `make` links a pinned librdkafka; a build without it uses the system's shared library.

import CRdKafka

/// The version of the linked librdkafka, for example "2.15.1".
package var libraryVersion: String { String(cString: rd_kafka_version_str()) }

/// A warning about features that the linked librdkafka lacks, one line for the log; nil when it lacks none.
package func libraryWarning() -> String? {
    let lacking = lacks(version: rd_kafka_version(), features: builtInFeatures())
    guard !lacking.isEmpty else { return nil }
    return "librdkafka \(libraryVersion) is too old or built without a part: \(lacking.joined(separator: "; ")); "
        + "a binary made with `make build` carries a newer one"
}

/// - Parameters:
///   - version: as of `rd_kafka_version`, 0xMMmmrrpp.
///   - features: the values of `builtin.features`.
/// - Returns: the missing features, one phrase each.
func lacks(version: Int32, features: Set<String>) -> [String] {
    var lacking: [String] = []
    if version < 0x0201_0000 { lacking.append("leader epochs are not checked after a change of leader") }
    if version < 0x0206_0100 { lacking.append("login by SCRAM to Kafka 4 fails with the right password") }
    if !features.contains("oidc") { lacking.append("login by OAUTHBEARER with OIDC is not possible") }
    return lacking
}

func builtInFeatures() -> Set<String> {
    guard let settings = rd_kafka_conf_new() else { return [] }
    defer { rd_kafka_conf_destroy(settings) }
    var text = [CChar](repeating: 0, count: 1024)
    var size = text.count
    guard rd_kafka_conf_get(settings, "builtin.features", &text, &size) == RD_KAFKA_CONF_OK else { return [] }
    let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return Set(String(decoding: bytes, as: UTF8.self).split(separator: ",").map(String.init))
}
