// Keyed digests, and the comparison of secrets.
import CCrypto

/// HMAC with SHA-256 (RFC 2104, RFC 4231).
package enum HMACSHA256 {
    /// The 32-byte code of `message` under `key`, which may have any length.
    package static func authenticate(_ message: [UInt8], key: [UInt8]) throws(CryptoError) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: SHA256.digestLength)
        var written = 0
        // An empty key still needs an address: without one, libcrypto expects a key set before.
        let keyBytes = key.isEmpty ? [0] : key
        let done = EVP_Q_mac(
            nil, "HMAC", nil, "SHA2-256", nil, keyBytes, key.count, message, message.count, &code, code.count, &written)
        guard done != nil, written == code.count else { throw CryptoError("HMAC-SHA-256") }
        return code
    }
}

/// Comparison of secrets.
package enum ConstantTime {
    /// Whether both are equal, in a time that depends on the lengths only.
    package static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}
