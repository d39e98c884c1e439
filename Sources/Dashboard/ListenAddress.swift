// The address of the HTTP server, and whether it is on loopback.

/// A host and a port, from `HOST:PORT` or `[IPV6]:PORT`.
package struct ListenAddress: Equatable, Sendable, CustomStringConvertible {
    /// A name or an address, without brackets.
    package let host: String
    /// The port; 0 for any free one.
    package let port: Int

    /// nil when the text is not an address.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ".-:%_".contains($0)) })
        else {
            return nil
        }
        (self.host, self.port) = (host, Int(port))
    }

    /// An address from its parts.
    package init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    /// The default of `ingest`.
    package static let standard = ListenAddress(host: "127.0.0.1", port: 8080)

    /// Whether only this machine can connect.
    package var isLoopback: Bool { Self.isLoopback(host) }

    /// The text that `init` reads.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    static func isLoopback(_ host: String) -> Bool {
        let lower = host.lowercased()
        if lower == "localhost" || lower == "::1" { return true }
        let parts = lower.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The host of a Host header, without port and brackets; nil when the header is malformed.
    static func host(ofHeader text: String) -> String? {
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || (rest.first == ":" && UInt16(rest.dropFirst()) != nil) else { return nil }
            return String(text[text.index(after: text.startIndex)..<end])
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let host = parts.first, !host.isEmpty, parts.count == 1 || UInt16(parts[1]) != nil
        else {
            return nil
        }
        return String(host)
    }
}
