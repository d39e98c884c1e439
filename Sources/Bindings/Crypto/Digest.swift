// Message digests through libcrypto's EVP interface.
//
// Raw pointers: a digest context is a C object on the heap. `SHA256` owns one and is not copyable.
import CCrypto

/// An incremental SHA-256 (FIPS 180-4).
package struct SHA256: ~Copyable {
    /// Length of a digest, in bytes.
    package static let digestLength = 32

    private let context: OpaquePointer

    /// Starts a digest of no bytes.
    /// - Throws: `CryptoError` when libcrypto offers no SHA-256 or is out of memory.
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
    /// - Throws: `CryptoError` when libcrypto fails.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CryptoError) {
        guard EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1 else { throw CryptoError("SHA-256") }
    }

    /// Adds bytes.
    /// - Throws: `CryptoError` when libcrypto fails.
    package mutating func update(_ bytes: [UInt8]) throws(CryptoError) {
        guard EVP_DigestUpdate(context, bytes, bytes.count) == 1 else { throw CryptoError("SHA-256") }
    }

    /// The 32-byte digest of all bytes added.
    /// - Throws: `CryptoError` when libcrypto fails.
    package consuming func finalize() throws(CryptoError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.digestLength)
        guard EVP_DigestFinal_ex(context, &digest, nil) == 1 else { throw CryptoError("SHA-256") }
        return digest
    }

    /// The 32-byte digest of `bytes`.
    /// - Throws: `CryptoError` when libcrypto offers no SHA-256 or fails.
    package static func hash(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        try Algorithm.sha256.hash(bytes, length: digestLength)
    }
}

/// MD5 (RFC 1321), only for protocols that require it, such as S3's Content-MD5.
package enum MD5 {
    /// The 16-byte digest of `bytes`.
    /// - Throws: `CryptoError`, always so on a system that allows FIPS algorithms only.
    package static func hash(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        try Algorithm.md5.hash(bytes, length: 16)
    }
}

/// A digest algorithm of libcrypto, fetched once.
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
