// HMAC with SHA-256.
import CCrypto

/// HMAC with SHA-256 (RFC 2104, RFC 4231).
package enum HMACSHA256 {
    /// The 32-byte authentication code of `message` under `key`, which may have any length.
    /// - Throws: `CryptoError` when libcrypto fails.
    package static func authenticate(_ message: [UInt8], key: [UInt8]) throws(CryptoError) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: SHA256.digestLength)
        var written = 0
        // An empty key still needs an address: libcrypto takes NULL to mean a key that was set earlier.
        let keyBytes = key.isEmpty ? [0] : key
        let done = EVP_Q_mac(
            nil, "HMAC", nil, "SHA2-256", nil, keyBytes, key.count, message, message.count, &code, code.count, &written)
        guard done != nil, written == code.count else { throw CryptoError("HMAC-SHA-256") }
        return code
    }
}
