// Rejects settings before the first connection: those that the program itself sets, and malformed broker addresses.
// librdkafka would accept them silently, without effect or without a connection.

enum ReservedSettings {
    /// The settings that the program sets, each with the reason in the message.
    private static let decided: [(key: String, why: String)] = [
        (
            "auto.offset.reset",
            "it has no effect, since the state has the offsets; --on-missing-offsets decides about missing offsets"
        ),
        ("enable.auto.commit", "it has no effect, since the program commits offsets once the state has them"),
        ("enable.auto.offset.store", "it has no effect, since the program commits offsets once the state has them"),
        ("enable.partition.eof", "the program always enables it"),
        ("allow.auto.create.topics", "reading never creates a topic"),
    ]

    /// - Parameter settings: the user's settings.
    /// - Throws: `KafkaError` with `isInvalidSetting` at the first one that is reserved or malformed.
    static func check(_ settings: [(String, String)]) throws {
        for (key, value) in settings {
            if let reserved = decided.first(where: { $0.key == key }) {
                throw KafkaError("Kafka setting \(key) cannot be set: \(reserved.why)")
            }
            if key == "bootstrap.servers" || key == "metadata.broker.list" { try checkServers(value) }
        }
    }

    private static func checkServers(_ list: String) throws {
        let servers = list.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
        for server in servers {
            guard isAddress(server) else {
                throw KafkaError("\"\(server)\" is not the address of a Kafka broker; give host:port,...")
            }
        }
    }

    /// `[scheme://]host[:port]`, the host a name, an IPv4 address or an IPv6 address in brackets.
    static func isAddress(_ text: String) -> Bool {
        var rest = Substring(text)
        if let scheme = rest.firstRange(of: "://") { rest = rest[scheme.upperBound...] }
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]"), rest.index(after: rest.startIndex) < end else { return false }
            rest = rest[rest.index(after: end)...]
        } else {
            let host = rest.prefix { $0 != ":" }
            guard !host.isEmpty, host.allSatisfy({ !$0.isWhitespace && $0 != "/" }) else { return false }
            rest = rest[host.endIndex...]
        }
        guard !rest.isEmpty else { return true }
        let port = rest.dropFirst()
        guard rest.first == ":", port.allSatisfy({ $0.isASCII && $0.isNumber }), let number = UInt16(port) else {
            return false
        }
        return number > 0
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
