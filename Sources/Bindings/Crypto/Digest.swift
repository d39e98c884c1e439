// Message digests by libcrypto's EVP interface.
//
// Raw pointers: a digest context is a C object on the heap; `SHA256` owns one and cannot be copied.
import CCrypto

/// An incremental SHA-256 (FIPS 180-4).
package struct SHA256: ~Copyable {
    /// Length of a digest, in bytes.
    package static let digestLength = 32

    private let context: OpaquePointer

    /// The digest of nothing yet.
    /// - Throws: `CryptoError` when libcrypto cannot do SHA-256 or has no memory.
    package init() throws(CryptoError) {
        guard let algorithm = Algorithm.sha256.digest, let context = EVP_MD_CTX_new() else {
            throw CryptoError("SHA-256")
        }
        guard EVP_DigestInit_ex2(context, algorithm, nil) == 1 else {
            EVP_MD_CTX_free(context)
            throw CryptoError("SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CryptoError) {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else { throw CryptoError("SHA-256") }
    }

    /// Adds bytes.
    package mutating func update(_ bytes: [UInt8]) throws(CryptoError) {
        guard EVP_DigestUpdate(context, bytes, bytes.count) == 1 else { throw CryptoError("SHA-256") }
    }

    /// The 32-byte digest of all bytes added.
    package consuming func finalize() throws(CryptoError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.digestLength)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else { throw CryptoError("SHA-256") }
        return digest
    }

    /// The 32-byte digest of `bytes`.
    package static func hash(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        try Algorithm.sha256.hash(bytes, length: digestLength)
    }
}

/// MD5 (RFC 1321), only for protocols that demand it, such as S3's Content-MD5.
package enum MD5 {
    /// The 16-byte digest of `bytes`.
    /// - Throws: `CryptoError`; where the system allows FIPS algorithms only, there is no MD5.
    package static func hash(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        try Algorithm.md5.hash(bytes, length: 16)
    }
}

/// A digest of libcrypto, looked up once.
private struct Algorithm: @unchecked Sendable {
    static let sha256 = Algorithm("SHA-256", fetching: "SHA2-256")
    static let md5 = Algorithm("MD5", fetching: "MD5")

    /// For messages.
    let name: String
    /// Immutable once fetched and never freed; nil when libcrypto does not offer it.
    let digest: OpaquePointer?

    private init(_ name: String, fetching algorithm: String) {
        self.name = name
        digest = EVP_MD_fetch(nil, algorithm, nil)
    }

    func hash(_ bytes: [UInt8], length: Int) throws(CryptoError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: length)
        guard let digest, EVP_Digest(bytes, bytes.count, &output, nil, digest, nil) == 1 else {
            throw CryptoError(name)
        }
        return output
    }
}
